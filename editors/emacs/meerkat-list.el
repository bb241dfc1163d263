;;; meerkat-list.el --- The sessions that there are  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; What the server lists is kept, and read again when the server says that a
;; session changed, in this process or another: so a list opens at once.

;;; Code:

(require 'seq)
(require 'meerkat-session)

(defconst meerkat-list-limit 1000
  "Sessions that are listed at most; a search on the server finds older ones.")

(defconst meerkat-list--settle 0.3
  "Seconds after a change before the list is read again: changes come in groups.")

(defvar meerkat-list--pages (make-hash-table :test #'equal)
  "What the server listed, by its parameters.")

(defvar meerkat-list--timer nil
  "Timer that reads the lists again.")

(defvar meerkat-list-changed-hook nil
  "Hook: a list was read again.")

(defun meerkat-list-parameters (archived &optional query folder)
  "Return the parameters that list sessions, ARCHIVED ones or the others.
Only those in whose title or first prompt QUERY is found, and of FOLDER."
  `( :limit ,meerkat-list-limit :archived ,(if archived t :json-false)
     ,@(and query (list :query query))
     ,@(and folder (list :cwd (directory-file-name (expand-file-name folder))))))

(defun meerkat-list-fetch (parameters then)
  "Call THEN with the sessions that PARAMETERS list and with their number.
At once if they are known, and when the server has answered if not."
  (let ((known (gethash parameters meerkat-list--pages)))
    (if known
        (funcall then (car known) (cdr known))
      (meerkat-list-read parameters then))))

(defun meerkat-list-read (parameters then)
  "Ask the server for the sessions that PARAMETERS list, and call THEN."
  (meerkat-request
   "session/list" parameters
   :repeat t
   :then (lambda (result)
           (let ((sessions (append (plist-get result :sessions) nil)))
             (puthash parameters (cons sessions (plist-get result :total)) meerkat-list--pages)
             (funcall then sessions (plist-get result :total))))))

(defun meerkat-list-refresh ()
  "Read again, soon, what is known of lists."
  (unless meerkat-list--timer
    (setq meerkat-list--timer (run-with-timer meerkat-list--settle nil #'meerkat-list--read-all))))

(defun meerkat-list--read-all ()
  "Read every list again that is known."
  (setq meerkat-list--timer nil)
  (dolist (parameters (hash-table-keys meerkat-list--pages))
    (meerkat-list-read parameters (lambda (&rest _) (run-hooks 'meerkat-list-changed-hook)))))

(defun meerkat-list--changed (params)
  "Sessions changed, as PARAMS tell: read what is shown of them again."
  (dolist (id (append (plist-get params :session_ids) nil))
    (when-let ((session (meerkat-session-find id)))
      (when (meerkat-session-exists session)
        (meerkat-session-read session))))
  (meerkat-list-refresh))

(meerkat-request-listen "sessions/changed" #'meerkat-list--changed)
(add-hook 'meerkat-connection-ready-hook #'meerkat-list-refresh)

;;;; What a session looks like in a list

(defun meerkat-list-state (summary)
  "Return the state of the session that SUMMARY describes, as a symbol."
  (let ((session (meerkat-session-find (plist-get summary :session_id))))
    (cond ((or (and session (meerkat-session-approvals session))
               (eq (plist-get summary :needs_answer) t))
           'needs-you)
          ((equal (plist-get summary :state) "running") 'busy)
          ((eq (plist-get summary :archived) t) 'archived)
          (t 'idle))))

(defun meerkat-list-state-text (summary)
  "Return the state of the session that SUMMARY describes, for people."
  (pcase (meerkat-list-state summary)
    ('needs-you (propertize "needs you" 'face 'meerkat-needs-you))
    ('busy (propertize "busy" 'face 'meerkat-busy))
    ('archived (propertize "archived" 'face 'shadow))
    (_ "")))

(defun meerkat-list-age (summary)
  "Return how long ago something happened in the session that SUMMARY describes."
  (let ((seconds (max 0 (- (float-time) (plist-get summary :updated_at)))))
    (cond ((< seconds 60) "now")
          ((< seconds 3600) (format "%d min" (/ seconds 60)))
          ((< seconds 86400) (format "%d h" (/ seconds 3600)))
          ((< seconds (* 60 86400)) (format "%d d" (/ seconds 86400)))
          (t (format-time-string "%F" (plist-get summary :updated_at))))))

(defun meerkat-list-title (summary)
  "Return the title of the session that SUMMARY describes, in one line."
  (let ((title (string-trim (replace-regexp-in-string "[[:space:]]+" " " (or (plist-get summary :title) "")))))
    (if (string-empty-p title) "(no title)" title)))

(defun meerkat-list-folder (summary)
  "Return the folder of the session that SUMMARY describes."
  (let ((folder (plist-get summary :cwd)))
    (if folder (abbreviate-file-name folder) "")))

(defun meerkat-list-here-p (summary folder)
  "Return non-nil if the session that SUMMARY describes is one of FOLDER's."
  (let ((cwd (plist-get summary :cwd)))
    (and cwd folder
         (string= (file-name-as-directory cwd) (file-name-as-directory (expand-file-name folder))))))

(provide 'meerkat-list)
;;; meerkat-list.el ends here
