;;; meerkat-chat.el --- A session in a buffer  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; The major mode of chats, and how a session gets its buffer.

;;; Code:

(require 'meerkat-buffer)
(require 'meerkat-chat-move)
(require 'meerkat-compose)
(require 'meerkat-foot)
(require 'meerkat-history)
(require 'meerkat-markdown)
(require 'meerkat-notify)
(require 'meerkat-storage)
(require 'meerkat-live)
(require 'meerkat-transcript)

(defvar meerkat-chat-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "RET") #'meerkat-send)
    (define-key map (kbd "C-j") #'meerkat-chat-newline)
    (define-key map (kbd "S-<return>") #'meerkat-chat-newline)
    (define-key map (kbd "M-RET") #'meerkat-steer)
    (define-key map (kbd "C-c C-c") #'meerkat-stop)
    (define-key map (kbd "C-c C-q") #'meerkat-dequeue)
    (define-key map (kbd "TAB") #'completion-at-point)
    (define-key map (kbd "<backtab>") #'backward-button)
    (define-key map (kbd "M-p") #'meerkat-previous-prompt)
    (define-key map (kbd "M-n") #'meerkat-next-prompt)
    (define-key map (kbd "C-<up>") #'meerkat-previous-prompt)
    (define-key map (kbd "C-<down>") #'meerkat-next-prompt)
    (define-key map (kbd "M-r") #'meerkat-search-prompts)
    (define-key map (kbd "C-c C-p") #'meerkat-chat-previous-message)
    (define-key map (kbd "C-c C-n") #'meerkat-chat-next-message)
    (define-key map (kbd "C-c C-o") #'meerkat-resume)
    (define-key map (kbd "C-c C-z") #'meerkat-new)
    (define-key map (kbd "C-c C-l") #'meerkat-list-sessions)
    (define-key map (kbd "C-c C-f") #'meerkat-fork)
    (define-key map (kbd "C-c C-e") #'meerkat-export)
    (define-key map (kbd "C-c C-r") #'meerkat-rename)
    (define-key map (kbd "C-c C-v") #'meerkat-set-model)
    (define-key map (kbd "C-c ?") #'meerkat-menu)
    (meerkat-approval-define-digits map)
    map)
  "Keys of a chat.")

(let ((map meerkat-buffer-transcript-map))
  (define-key map (kbd "RET") #'meerkat-chat-to-prompt)
  (define-key map (kbd "i") #'meerkat-chat-to-prompt)
  (define-key map (kbd "TAB") #'forward-button)
  (define-key map (kbd "n") #'meerkat-chat-next-message)
  (define-key map (kbd "p") #'meerkat-chat-previous-message)
  (define-key map (kbd "f") #'meerkat-fork)
  (define-key map (kbd "g") #'revert-buffer)
  (define-key map (kbd "q") #'quit-window)
  (define-key map (kbd "?") #'meerkat-menu))

;; They are defined in files that need this one.
(declare-function meerkat-resume "meerkat-pick")
(declare-function meerkat-new "meerkat-ask")
(declare-function meerkat-list-sessions "meerkat-sessions")
(declare-function meerkat-fork "meerkat-fork")
(declare-function meerkat-export "meerkat-actions")
(declare-function meerkat-rename "meerkat-actions")
(declare-function meerkat-set-model "meerkat-model")
(declare-function meerkat-menu "meerkat-menu")

(define-derived-mode meerkat-chat-mode nil "Meerkat"
  "A conversation with a model, and below it the prompt.

While you write the prompt, RET sends it, \\[meerkat-chat-newline] begins a new
line, and TAB completes the name of a file behind an @.  While an answer
comes, RET lets the prompt wait for its end, \\[meerkat-steer] adds it to what
runs, and \\[meerkat-stop] stops it.  What the server asks is answered by the
digit of the answer, as long as nothing is written.

In the conversation itself RET shows what is behind a line that begins
with a triangle, n and p go from message to message, f forks the session
there, and q buries it.

\\{meerkat-chat-mode-map}"
  (meerkat-buffer-setup)
  (meerkat-markdown-setup)
  (meerkat-live-reset)
  (meerkat-draft-setup)
  (setq-local revert-buffer-function #'meerkat-chat--reload
              imenu-create-index-function #'meerkat-chat--index
              mode-line-process '(:eval (meerkat-chat--state))
              header-line-format '(:eval (meerkat-chat--header))
              meerkat-mention-folder-function #'meerkat-chat--folder)
  (add-hook 'completion-at-point-functions #'meerkat-mention-complete nil t)
  (add-hook 'window-scroll-functions #'meerkat-history-scrolled nil t)
  (add-hook 'kill-buffer-hook #'meerkat-chat--killed nil t))

;;;; A session's buffer

(defun meerkat-chat-buffer (session)
  "Return the buffer that displays SESSION; it is filled if it is a new one."
  (let ((buffer (meerkat-session-buffer session)))
    (if (buffer-live-p buffer)
        buffer
      (meerkat-chat--make-buffer session))))

(defun meerkat-chat--make-buffer (session)
  "Return a new buffer that displays SESSION."
  (with-current-buffer (generate-new-buffer (meerkat-chat--buffer-name session))
    (setq default-directory (file-name-as-directory (or (meerkat-session-cwd session) default-directory)))
    (meerkat-chat-mode)
    (setq meerkat-buffer-session session)
    (setf (meerkat-session-buffer session) (current-buffer)
          (meerkat-session-show session) #'meerkat-transcript-show
          (meerkat-session-around session) (meerkat-chat--around (current-buffer)))
    (meerkat-chat--load session)
    (meerkat-draft-restore)
    (current-buffer)))

(defun meerkat-chat--around (buffer)
  "Return a function with which another can write events into BUFFER."
  (lambda (write)
    (when (buffer-live-p buffer)
      (with-current-buffer buffer
        (meerkat-buffer-write (funcall write))))))

(defun meerkat-chat--load (session)
  "Show what was said in SESSION; of a new one there is nothing yet."
  (meerkat-foot-update)
  (let ((buffer (current-buffer)))
    (if (not (meerkat-session-exists session))
        (meerkat-connection-ensure)
      (meerkat-feed-open
       session
       (lambda (page)
         (when (buffer-live-p buffer)
           (with-current-buffer buffer
             (meerkat-history-show page)
             (meerkat-run-hook 'meerkat-session-opened-functions (meerkat-session-id session)))))))))

(defun meerkat-chat--reload (&rest _ignored)
  "Read the session of this buffer anew."
  (meerkat-chat--load meerkat-buffer-session))

(defun meerkat-chat--killed ()
  "The buffer is about to go: its session is shown no more."
  (when meerkat-buffer-session
    (meerkat-feed-release meerkat-buffer-session)))

(defun meerkat-chat-display (session &optional select)
  "Display the chat of SESSION; SELECT its window, with the cursor in the prompt."
  (let* ((buffer (meerkat-chat-buffer session))
         (window (display-buffer buffer meerkat-display-action)))
    (when (meerkat-session-exists session)
      (meerkat-storage-keep-last-session (meerkat-session-id session)))
    (when window
      (with-selected-window window
        (goto-char (point-max)))
      (when select (select-window window)))
    buffer))

(defun meerkat-chat-open (id &optional select)
  "Display the session ID of the server's; SELECT its window."
  (meerkat-chat-display (meerkat-session-take id) select))

;;;; What is shown around it

(defun meerkat-chat--buffer-name (session)
  "Return how a buffer for SESSION is called."
  (format "*meerkat: %s*" (truncate-string-to-width (meerkat-session-name session) 40 nil nil "…")))

(defun meerkat-chat--update (session)
  "Let the buffer of SESSION say how it is."
  (let ((buffer (meerkat-session-buffer session)))
    (when (buffer-live-p buffer)
      (with-current-buffer buffer
        (let ((name (meerkat-chat--buffer-name session)))
          (unless (string-prefix-p name (buffer-name))
            (rename-buffer (generate-new-buffer-name name))))
        (meerkat-foot-update)
        (force-mode-line-update)))))

(defun meerkat-chat--update-all ()
  "Let every chat say how it and the server are."
  (mapc #'meerkat-chat--update (meerkat-session-open-ones)))

(add-hook 'meerkat-session-changed-functions #'meerkat-chat--update)
(add-hook 'meerkat-connection-state-hook #'meerkat-chat--update-all)

(defconst meerkat-chat--states
  '((idle "idle" shadow) (busy "busy" meerkat-busy)
    (needs-you "needs you" meerkat-needs-you) (offline "offline" meerkat-offline))
  "States of a session: what they are called, and in which face.")

(defun meerkat-chat-state-text (state)
  "Return STATE, a symbol, as text in its face."
  (pcase-let ((`(,_ ,text ,face) (assq state meerkat-chat--states)))
    (propertize text 'face face)))

(defun meerkat-chat--state ()
  "Return this chat's state for the mode line."
  (when meerkat-buffer-session
    (concat " " (meerkat-chat-state-text (meerkat-session-status meerkat-buffer-session)))))

(defun meerkat-chat--header ()
  "Return title, model and folder of this chat for the header line."
  (when-let ((session meerkat-buffer-session))
    (replace-regexp-in-string
     "%" "%%"
     (concat " " (propertize (meerkat-session-name session) 'face 'bold)
             "  " (or (meerkat-session-model session) meerkat-session-default-model "")
             "  " (abbreviate-file-name (or (meerkat-session-cwd session) ""))))))

(defun meerkat-chat--folder ()
  "Return the folder of this chat's session."
  (file-name-as-directory (or (meerkat-session-cwd meerkat-buffer-session) default-directory)))

(provide 'meerkat-chat)
;;; meerkat-chat.el ends here
