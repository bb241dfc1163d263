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

(defun meerkat-actions--with (prompt archived then)
  "Call THEN with id and title of the session at hand.
Where there is none, it is picked with PROMPT, among ARCHIVED ones or not."
  (let ((here (meerkat-actions--here)))
    (cond (here (funcall then (car here) (cdr here)))
          (meerkat-buffer-session (message "meerkat: nothing was sent in this chat yet"))
          (t (meerkat-pick-session
              prompt archived
              (lambda (summary)
                (funcall then (plist-get summary :session_id) (meerkat-list-title summary))))))))

(defun meerkat-actions--changed (id)
  "The session ID has changed: show it as it is now."
  (when-let ((session (meerkat-session-find id)))
    (meerkat-session-read session))
  (meerkat-list-refresh))

(defun meerkat-actions--request (method id more said)
  "Send METHOD for the session ID with MORE parameters; then say SAID."
  (meerkat-request method (append (list :session_id id) more)
                   :repeat t
                   :then (lambda (_result)
                           (meerkat-actions--changed id)
                           (message "meerkat: %s" said))))

;;;###autoload
(defun meerkat-rename ()
  "Give a session another title."
  (interactive)
  (meerkat-actions--with
   "Rename" nil
   (lambda (id title)
     (let ((new (string-trim (read-string "New title: " title))))
       (if (string-empty-p new)
           (message "meerkat: a title can't be empty; the old one stays")
         (meerkat-actions--request "session/update" id (list :title new) (format "now called %s" new)))))))

;;;###autoload
(defun meerkat-archive ()
  "Put a session away; its history can still be read."
  (interactive)
  (meerkat-actions--with
   "Archive" nil
   (lambda (id title)
     (meerkat-actions--request "session/archive" id nil (format "archived %s" title)))))

;;;###autoload
(defun meerkat-unarchive ()
  "Take an archived session back."
  (interactive)
  (meerkat-actions--with
   "Take back" t
   (lambda (id title)
     (meerkat-actions--request "session/unarchive" id nil (format "took back %s" title)))))

;;;###autoload
(defun meerkat-delete ()
  "Delete a session with every trace of it."
  (interactive)
  (meerkat-actions--with
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
  (meerkat-actions--with
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
  (meerkat-actions--with
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

;;;###autoload
(defun meerkat-fork ()
  "Go on from here in a session of its own; the one at hand stays as it is.
In a conversation, \"here\" is the message at point: the copy ends behind
an answer, and before a prompt, which is there to be edited.  From the
prompt, or elsewhere, everything is copied."
  (interactive)
  (let ((message (and meerkat-buffer-session
                      (not (meerkat-buffer-in-prompt-p))
                      (meerkat-chat-message-here))))
    (meerkat-actions--with
     "Fork" nil
     (lambda (id _title)
       (meerkat-actions--locate
        id message
        (lambda (index prompt)
          (meerkat-request "session/fork_at" (list :session_id id :message_index index)
                           :then (lambda (result) (meerkat-actions--forked result prompt)))))))))

(defconst meerkat-actions--window 1000
  "Messages among which one is looked for.")

(defun meerkat-actions--locate (id message then)
  "Find where the session ID is to be cut for MESSAGE, nil for its end.
THEN is called with the index and, where a prompt is cut away, with that."
  (meerkat-request
   "session/history"
   (append (list :session_id id :limit meerkat-actions--window)
           (if (plist-get message :index)
               (list :offset (plist-get message :index))
             (list :latest t)))
   :repeat t
   :then (lambda (page) (apply then (meerkat-actions--cut message page)))))

(defun meerkat-actions--cut (message page)
  "Return index and prompt at which to cut for MESSAGE, which is in PAGE."
  (let* ((messages (append (plist-get page :messages) nil))
         (turn (plist-get message :turn))
         (of-turn (lambda (other) (equal (plist-get other :turn_id) turn)))
         (first (and turn (seq-position messages turn (lambda (other _) (funcall of-turn other))))))
    (cond ((null first) (list (plist-get page :message_count) nil))
          ((equal (plist-get message :role) "user")
           (list (+ (plist-get page :offset) first) (plist-get (nth first messages) :content)))
          (t (list (+ (plist-get page :offset) first
                      (length (seq-take-while of-turn (nthcdr first messages))))
                   nil)))))

(defun meerkat-actions--forked (result prompt)
  "Show the session of RESULT, with PROMPT to be edited."
  (meerkat-list-refresh)
  (with-current-buffer (meerkat-chat-open (plist-get result :session_id) t)
    (when prompt (meerkat-buffer-set-prompt-text prompt)))
  (message "meerkat: this is the copy; the other session stays as it is"))

;;;; Models

;;;###autoload
(defun meerkat-set-model ()
  "Let another model answer in this session, from the next turn on."
  (interactive)
  (let ((session meerkat-buffer-session))
    (if (null session)
        (message "meerkat: a model is chosen in a chat; for new ones, set `meerkat-model'")
      (meerkat-request
       "models/catalog" nil
       :repeat t
       :then (lambda (result)
               (meerkat-pick-later #'meerkat-actions--read-model session
                                   (append (plist-get result :models) nil)))))))

(defun meerkat-actions--read-model (session models)
  "Ask which of MODELS is to answer in SESSION."
  (let* ((names (mapcar (lambda (model) (cons (plist-get model :id) model)) models))
         (choice (completing-read
                  (format "Model (now %s): " (meerkat-session-speaker session))
                  (lambda (string predicate action)
                    (if (eq action 'metadata)
                        `(metadata (category . meerkat-model) (display-sort-function . identity)
                                   (annotation-function
                                    . ,(lambda (name) (meerkat-actions--describe (cdr (assoc name names))))))
                      (complete-with-action action names string predicate)))))
         (missing (plist-get (cdr (assoc choice names)) :missing)))
    (cond ((string-empty-p choice))
          (missing (message "meerkat: %s can't be used yet: %s" choice missing))
          (t (meerkat-actions--use-model session choice)))))

(defun meerkat-actions--describe (model)
  "Return what there is to say of MODEL."
  (propertize (concat "  " (or (and (plist-get model :missing) (concat "✗ " (plist-get model :missing)))
                               (plist-get model :description))
                      (if (eq (plist-get model :is_default) t) " (default)" ""))
              'face 'completions-annotations))

(defun meerkat-actions--use-model (session name)
  "Let the model NAME answer in SESSION."
  (if (meerkat-session-exists session)
      (meerkat-actions--request "session/update" (meerkat-session-id session) (list :model name)
                                (format "%s answers from the next turn on" name))
    (setf (meerkat-session-model session) name)
    (meerkat-session-changed session)))

(defun meerkat-actions--learn-default ()
  "Ask the server which model answers where a session names none."
  (meerkat-request "models/catalog" nil
                   :repeat t
                   :catch #'ignore
                   :then (lambda (result)
                           (setq meerkat-session-default-model (plist-get result :default_model))
                           (mapc #'meerkat-session-changed (meerkat-session-open-ones)))))

(add-hook 'meerkat-connection-ready-hook #'meerkat-actions--learn-default)

(provide 'meerkat-actions)
;;; meerkat-actions.el ends here
