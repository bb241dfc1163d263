;;; meerkat-sessions.el --- Sessions in a list  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; A buffer with a line for each session, which changes as they do.

;;; Code:

(require 'meerkat-actions)
(require 'tabulated-list)

(defvar-local meerkat-sessions--archived nil "Whether archived sessions are listed.")
(defvar-local meerkat-sessions--folder nil "Folder whose sessions are listed; nil for all.")
(defvar-local meerkat-sessions--query nil "Text that is searched for, or nil.")
(defvar-local meerkat-sessions-shown nil "What is known of the listed sessions, by id.")

(declare-function meerkat-new "meerkat-ask")

(defvar meerkat-sessions-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "RET") #'meerkat-sessions-open)
    (define-key map (kbd "o") #'meerkat-sessions-open)
    (define-key map (kbd "+") #'meerkat-new)
    (define-key map (kbd "r") #'meerkat-rename)
    (define-key map (kbd "a") #'meerkat-archive)
    (define-key map (kbd "u") #'meerkat-unarchive)
    (define-key map (kbd "D") #'meerkat-delete)
    (define-key map (kbd "f") #'meerkat-fork)
    (define-key map (kbd "e") #'meerkat-export)
    (define-key map (kbd "A") #'meerkat-sessions-toggle-archived)
    (define-key map (kbd "F") #'meerkat-sessions-toggle-folder)
    (define-key map (kbd "/") #'meerkat-sessions-search)
    map)
  "Keys of the list of sessions.")

(define-derived-mode meerkat-sessions-mode tabulated-list-mode "Sessions"
  "The sessions in the server's store, whichever program began them.

\\{meerkat-sessions-mode-map}"
  (setq tabulated-list-format [("Title" 44 t) ("State" 10 t)
                               ("Age" 10 meerkat-sessions--newer-p) ("Messages" 9 meerkat-sessions--longer-p :right-align t)
                               ("Folder" 0 t)]
        tabulated-list-sort-key nil
        tabulated-list-padding 1)
  (setq-local revert-buffer-function #'meerkat-sessions--revert)
  (tabulated-list-init-header))

(defun meerkat-sessions--newer-p (one other)
  "Return non-nil if the line ONE is of a session newer than that of OTHER."
  (> (meerkat-sessions--number one :updated_at) (meerkat-sessions--number other :updated_at)))

(defun meerkat-sessions--longer-p (one other)
  "Return non-nil if the line ONE is of a session longer than that of OTHER."
  (> (meerkat-sessions--number one :message_count) (meerkat-sessions--number other :message_count)))

(defun meerkat-sessions--number (line key)
  "Return the number KEY of the session of LINE."
  (plist-get (cdr (assoc (car line) meerkat-sessions-shown)) key))

;;;###autoload
(defun meerkat-list-sessions ()
  "List the sessions that there are."
  (interactive)
  (let ((folder (meerkat-connection-folder)))
    (with-current-buffer (get-buffer-create "*meerkat-sessions*")
      (unless (derived-mode-p 'meerkat-sessions-mode)
        (meerkat-sessions-mode))
      (setq default-directory folder)
      (meerkat-sessions--show)
      (pop-to-buffer (current-buffer)))))

(defun meerkat-sessions--parameters ()
  "Return the parameters that list what this buffer displays."
  (meerkat-list-parameters meerkat-sessions--archived meerkat-sessions--query meerkat-sessions--folder))

(defun meerkat-sessions--show ()
  "Fill this buffer, at once or when the server has answered."
  (setq mode-line-process " …")
  (let ((buffer (current-buffer))
        (parameters (meerkat-sessions--parameters)))
    (meerkat-list-fetch
     parameters
     (lambda (sessions total)
       (when (buffer-live-p buffer)
         (with-current-buffer buffer
           (when (equal parameters (meerkat-sessions--parameters))
             (meerkat-sessions--fill sessions total))))))))

(defun meerkat-sessions--fill (sessions total)
  "Show SESSIONS, of which the server has TOTAL."
  (setq meerkat-sessions-shown (mapcar (lambda (summary) (cons (plist-get summary :session_id) summary)) sessions)
        tabulated-list-entries (mapcar #'meerkat-sessions--entry sessions)
        mode-line-process (meerkat-sessions--summary (length sessions) total))
  (tabulated-list-print t)
  (dolist (window (get-buffer-window-list nil nil t))
    (set-window-point window (point)))
  (force-mode-line-update))

(defun meerkat-sessions--summary (shown total)
  "Return, for the mode line, what is listed: SHOWN of TOTAL."
  (concat (format " %d" shown)
          (if (> total shown) (format " of %d" total) "")
          (if meerkat-sessions--archived " archived" "")
          (if meerkat-sessions--folder (format " in %s" (abbreviate-file-name meerkat-sessions--folder)) "")
          (if meerkat-sessions--query (format " with \"%s\"" meerkat-sessions--query) "")))

(defun meerkat-sessions--entry (summary)
  "Return the line for the session that SUMMARY describes."
  (list (plist-get summary :session_id)
        (vector (meerkat-list-title summary)
                (meerkat-list-state-text summary)
                (meerkat-list-age summary)
                (number-to-string (plist-get summary :message_count))
                (meerkat-list-folder summary))))

(defun meerkat-sessions--revert (&rest _ignored)
  "Ask the server anew."
  (meerkat-list-refresh))

(defun meerkat-sessions--refresh ()
  "Show the list of sessions as it is now, if somebody is looking at it."
  (when-let ((buffer (get-buffer "*meerkat-sessions*")))
    (with-current-buffer buffer (meerkat-sessions--show))))

(add-hook 'meerkat-list-changed-hook #'meerkat-sessions--refresh)

;;;; Commands

(defun meerkat-sessions-open ()
  "Go on with the session of this line."
  (interactive)
  (if-let ((id (tabulated-list-get-id)))
      (meerkat-chat-open id t)
    (message "meerkat: there is no session on this line")))

(defun meerkat-sessions-toggle-archived ()
  "List archived sessions, or the others again."
  (interactive)
  (setq meerkat-sessions--archived (not meerkat-sessions--archived))
  (meerkat-sessions--show))

(defun meerkat-sessions-toggle-folder ()
  "List the sessions of this folder only, or all again."
  (interactive)
  (setq meerkat-sessions--folder (if meerkat-sessions--folder nil default-directory))
  (meerkat-sessions--show))

(defun meerkat-sessions-search (text)
  "List the sessions with TEXT in their title or first prompt; all without it."
  (interactive "sSearch titles and first prompts (empty: all): ")
  (setq meerkat-sessions--query (if (string-blank-p text) nil text))
  (meerkat-sessions--show))

(provide 'meerkat-sessions)
;;; meerkat-sessions.el ends here
