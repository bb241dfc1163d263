;;; meerkat-actions.el --- What can be done with a session  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Each command works on the session of the chat or of the line of the list that
;; it is called from, and asks which one where there is none.

;;; Code:

(require 'meerkat-chat)
(require 'meerkat-list)
(require 'meerkat-pick)
(require 'tabulated-list)

(defvar meerkat-sessions-shown)

(defun meerkat-actions--here ()
  "Return id and title of the session at hand, a cons, or nil."
  (cond (meerkat-buffer-session
         (and (meerkat-session-exists meerkat-buffer-session)
              (cons (meerkat-session-id meerkat-buffer-session)
                    (meerkat-session-name meerkat-buffer-session))))
        ((derived-mode-p 'meerkat-sessions-mode)
         (when-let ((summary (cdr (assoc (tabulated-list-get-id) meerkat-sessions-shown))))
           (cons (plist-get summary :session_id) (meerkat-list-title summary))))))

(defun meerkat-actions-with (prompt archived then)
  "Call THEN with id and title of the session at hand.
Where there is none, it is picked with PROMPT, among ARCHIVED ones or not."
  (let ((here (meerkat-actions--here)))
    (cond (here (funcall then (car here) (cdr here)))
          (meerkat-buffer-session (message "meerkat: nothing was sent in this chat yet"))
          (t (meerkat-pick-session
              prompt archived
              (lambda (summary)
                (funcall then (plist-get summary :session_id) (meerkat-list-title summary))))))))

(defun meerkat-actions-changed (id)
  "The session ID has changed: show it as it is now."
  (when-let ((session (meerkat-session-find id)))
    (meerkat-session-read session))
  (meerkat-list-refresh))

(defun meerkat-actions-request (method id more said)
  "Send METHOD for the session ID with MORE parameters; then say SAID."
  (meerkat-request method (append (list :session_id id) more)
                   :repeat t
                   :then (lambda (_result)
                           (meerkat-actions-changed id)
                           (message "meerkat: %s" said))))

;;;###autoload
(defun meerkat-rename ()
  "Give a session another title."
  (interactive)
  (meerkat-actions-with
   "Rename" nil
   (lambda (id title)
     (let ((new (string-trim (read-string "New title: " title))))
       (if (string-empty-p new)
           (message "meerkat: a title can't be empty; the old one stays")
         (meerkat-actions-request "session/update" id (list :title new) (format "now called %s" new)))))))

;;;###autoload
(defun meerkat-archive ()
  "Put a session away; its history can still be read."
  (interactive)
  (meerkat-actions-with
   "Archive" nil
   (lambda (id title)
     (meerkat-actions-request "session/archive" id nil (format "archived %s" title)))))

;;;###autoload
(defun meerkat-unarchive ()
  "Take an archived session back."
  (interactive)
  (meerkat-actions-with
   "Take back" t
   (lambda (id title)
     (meerkat-actions-request "session/unarchive" id nil (format "took back %s" title)))))

;;;###autoload
(defun meerkat-delete ()
  "Delete a session with every trace of it."
  (interactive)
  (meerkat-actions-with
   "Delete" nil
   (lambda (id title)
     (when (yes-or-no-p (format "Delete \"%s\" for good? " title))
       (meerkat-request
        "session/delete" (list :session_id id)
        :repeat t
        :then (lambda (_result)
                (meerkat-actions--deleted id)
                (message "meerkat: deleted %s" title)))))))

(defun meerkat-actions--deleted (id)
  "The session ID is gone: so is its chat, and its draft."
  (when-let ((session (meerkat-session-find id)))
    (setf (meerkat-session-stream session) nil)
    (let ((buffer (meerkat-session-buffer session)))
      (when (buffer-live-p buffer) (kill-buffer buffer)))
    (meerkat-session-drop session))
  (meerkat-storage-keep-draft id "")
  (meerkat-list-refresh))

;;;###autoload
(defun meerkat-compact ()
  "Let the model read a summary in place of what came first."
  (interactive)
  (meerkat-actions-with
   "Summarise" nil
   (lambda (id title)
     (message "meerkat: summarising %s…" title)
     (meerkat-request
      "session/compact" (list :session_id id)
      :then (lambda (result)
              (let ((before (plist-get result :messages_before))
                    (after (plist-get result :messages_after)))
                (if (eq before after)
                    (message "meerkat: there is nothing to summarise yet")
                  (message "meerkat: the model now reads %d messages in place of %d" after before))))))))

;;;; Copies

;;;###autoload
(defun meerkat-export (&optional json)
  "Show a session as Markdown in a new buffer; as JSON with a prefix."
  (interactive "P")
  (meerkat-actions-with
   "Export" nil
   (lambda (id title)
     (meerkat-request
      "session/export" (list :session_id id :format (if json "json" "markdown"))
      :repeat t
      :then (lambda (result)
              (meerkat-actions--show-export title (plist-get result :content) json))))))

(defun meerkat-actions--show-export (title content json)
  "Show CONTENT, the session called TITLE, in a buffer; JSON states what it is."
  (let ((buffer (generate-new-buffer (format "%s.%s" (truncate-string-to-width title 40) (if json "json" "md")))))
    (with-current-buffer buffer
      (insert content)
      (goto-char (point-min))
      (delay-mode-hooks
        (cond (json (if (fboundp 'js-json-mode) (js-json-mode) (js-mode)))
              ((fboundp 'markdown-mode) (markdown-mode))
              (t (text-mode))))
      (set-buffer-modified-p nil))
    (pop-to-buffer buffer)
    (message "meerkat: C-x C-w writes it to a file")))

(declare-function markdown-mode "ext:markdown-mode")
(declare-function js-json-mode "js")

(provide 'meerkat-actions)
;;; meerkat-actions.el ends here
