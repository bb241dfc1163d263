;;; meerkat-pick.el --- Sessions in the minibuffer  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Picking a session by its title: those of this folder first, each with its
;; state, age and folder.

;;; Code:

(require 'meerkat-chat)
(require 'meerkat-list)

(defconst meerkat-pick--title-width 60
  "Columns of a title.")

(defun meerkat-pick-later (function &rest arguments)
  "Call FUNCTION, which asks from the minibuffer, with ARGUMENTS, but not yet.
Nothing happens if the minibuffer is in use by then."
  (run-with-timer 0 nil
                  (lambda ()
                    (if (active-minibuffer-window)
                        (message "meerkat: the minibuffer is in use; try again after that")
                      (condition-case nil
                          (apply function arguments)
                        (quit (message "Quit")))))))

(defun meerkat-pick-session (prompt archived then)
  "Ask with PROMPT for a session, ARCHIVED or not; call THEN with its summary."
  (let ((folder (meerkat-connection-folder)))
    (meerkat-list-read
     (meerkat-list-parameters archived)
     (lambda (sessions total)
       (if (null sessions)
           (message "meerkat: there are no %ssessions yet" (if archived "archived " ""))
         (meerkat-pick-later #'meerkat-pick--read prompt sessions total folder then))))))

(defun meerkat-pick--read (prompt sessions total folder then)
  "Ask with PROMPT for one of SESSIONS; call THEN with its summary.
TOTAL: how many the server has.  Those of FOLDER come first."
  (let* ((ordered (append (seq-filter (lambda (summary) (meerkat-list-here-p summary folder)) sessions)
                          (seq-remove (lambda (summary) (meerkat-list-here-p summary folder)) sessions)))
         (candidates (meerkat-pick--candidates ordered))
         (more (if (> total (length sessions)) (format " (latest %d of %d)" (length sessions) total) ""))
         (choice (completing-read (format "%s%s: " prompt more)
                                  (meerkat-pick--table candidates folder) nil t)))
    (when-let ((summary (cdr (assoc choice candidates))))
      (funcall then summary))))

(defun meerkat-pick--candidates (sessions)
  "Return SESSIONS by what they are called; the same title gets an id."
  (let ((seen (make-hash-table :test #'equal)))
    (mapcar (lambda (summary)
              (let ((title (truncate-string-to-width (meerkat-list-title summary)
                                                     meerkat-pick--title-width nil nil "…")))
                (when (gethash title seen)
                  (setq title (format "%s (%s)" title (substring (plist-get summary :session_id) -12))))
                (puthash title t seen)
                (cons title summary)))
            sessions)))

(defun meerkat-pick--table (candidates folder)
  "Return a completion table of CANDIDATES, grouped by whether FOLDER is theirs."
  (lambda (string predicate action)
    (if (eq action 'metadata)
        `(metadata (category . meerkat-session)
                   (display-sort-function . identity)
                   (cycle-sort-function . identity)
                   (affixation-function . ,(lambda (names) (meerkat-pick--affixes names candidates)))
                   (group-function . ,(lambda (name transform)
                                        (if transform name
                                          (meerkat-pick--group (cdr (assoc name candidates)) folder)))))
      (complete-with-action action candidates string predicate))))

(defun meerkat-pick--group (summary folder)
  "Return the heading under which SUMMARY is listed: FOLDER's own, or others."
  (if (meerkat-list-here-p summary folder) "This folder" "Other folders"))

(defun meerkat-pick--affixes (names candidates)
  "Return NAMES of CANDIDATES with what stands before and behind them."
  (let ((width (apply #'max 1 (mapcar #'string-width names))))
    (mapcar (lambda (name)
              (let ((summary (cdr (assoc name candidates))))
                (list name ""
                      (concat (make-string (- (+ 2 width) (string-width name)) ?\s)
                              (propertize (format "%-7s" (meerkat-list-age summary)) 'face 'completions-annotations)
                              (format " %-10s" (meerkat-list-state-text summary))
                              (propertize (meerkat-list-folder summary) 'face 'completions-annotations)))))
            names)))

;;;###autoload
(defun meerkat-resume (&optional archived)
  "Pick a session and go on with it; with a prefix, one of the ARCHIVED ones."
  (interactive "P")
  (meerkat-pick-session (if archived "Archived session" "Session") archived
                        (lambda (summary)
                          (meerkat-chat-open (plist-get summary :session_id) t))))

(provide 'meerkat-pick)
;;; meerkat-pick.el ends here
