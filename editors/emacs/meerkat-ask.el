;;; meerkat-ask.el --- Asking from anywhere  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; A new chat, the last chat, and a prompt from any buffer, with the region as a
;; reference and as text, so that every model can read it.

;;; Code:

(require 'meerkat-chat)
(require 'meerkat-list)
(require 'subr-x)

;;;; Chats

;;;###autoload
(defun meerkat-new ()
  "Begin a new chat about this folder.
Nothing is stored until the first prompt is sent."
  (interactive)
  (meerkat-chat-display (meerkat-ask--new-session) t))

(defun meerkat-ask--new-session ()
  "Return a new session in this folder; a chat in which nothing was sent will do."
  (let ((folder (meerkat-connection-folder)))
    (or (seq-find (lambda (session)
                    (and (not (meerkat-session-exists session))
                         (not (meerkat-session-creating session))
                         (string= (meerkat-session-cwd session) folder)))
                  (meerkat-session-open-ones))
        (meerkat-session-new folder))))

;;;###autoload
(defun meerkat-chat ()
  "Show the last chat; in a chat, bury it.
Without any, a new one begins."
  (interactive)
  (if (derived-mode-p 'meerkat-chat-mode)
      (quit-window)
    (meerkat-ask--last-session (lambda (session) (meerkat-chat-display session t)))))

(defun meerkat-ask--last-session (then)
  "Call THEN with the session of the last chat, or with a new one."
  (let ((open (meerkat-ask--last-open))
        (stored (meerkat-storage-last-session)))
    (cond (open (funcall then open))
          (stored (meerkat-request
                   "session/read" (list :session_id stored)
                   :repeat t
                   :catch (lambda (_failure) (funcall then (meerkat-ask--new-session)))
                   :then (lambda (_view) (funcall then (meerkat-session-take stored)))))
          (t (funcall then (meerkat-ask--new-session))))))

(defun meerkat-ask--last-open ()
  "Return the session of the chat that was selected last, or nil."
  (seq-some (lambda (buffer)
              (and (eq (buffer-local-value 'major-mode buffer) 'meerkat-chat-mode)
                   (buffer-local-value 'meerkat-buffer-session buffer)))
            (buffer-list)))

;;;; Prompts

(defvar meerkat-ask-minibuffer-map
  (let ((map (make-sparse-keymap)))
    (set-keymap-parent map minibuffer-local-map)
    (define-key map (kbd "TAB") #'completion-at-point)
    (define-key map (kbd "C-j") #'newline)
    map)
  "Keys while a prompt is read from the minibuffer.")

;;;###autoload
(defun meerkat-send-dwim (prompt &optional new)
  "Send PROMPT from here; in a chat, what is written there.
The active region goes with it, as a reference such as file.el#L1-9 and as
text.  It goes to the last chat of this folder; with a prefix, NEW, to a
new one."
  (interactive (list (if (meerkat-ask--in-prompt-p) nil (meerkat-ask--read-prompt))
                     current-prefix-arg))
  (if (null prompt)
      (meerkat-send)
    (let* ((session (meerkat-ask--target new))
           (region (and (use-region-p)
                        (meerkat-ask-reference (region-beginning) (region-end)
                                               (meerkat-session-cwd session)))))
      (deactivate-mark)
      (meerkat-chat-display session)
      (meerkat-compose-submit session (if region (concat prompt "\n\n" region) prompt)))))

(defun meerkat-ask--in-prompt-p ()
  "Return non-nil if point is where a prompt is written."
  (and (derived-mode-p 'meerkat-chat-mode) (meerkat-buffer-in-prompt-p)))

(defun meerkat-ask--read-prompt ()
  "Read a prompt from the minibuffer, with files behind an @ completed."
  (meerkat-storage-load-prompts)
  (let* ((folder (meerkat-connection-folder))
         (about (if (use-region-p)
                    (format "Ask about %s: " (meerkat-ask--place (region-beginning) (region-end) folder))
                  "Ask: "))
         (prompt (minibuffer-with-setup-hook (lambda () (meerkat-ask--setup-minibuffer folder))
                   (read-from-minibuffer about nil meerkat-ask-minibuffer-map nil 'meerkat-storage-prompts))))
    (if (string-blank-p prompt)
        (user-error "Nothing to ask")
      prompt)))

(defun meerkat-ask--setup-minibuffer (folder)
  "Have the files of FOLDER completed in this minibuffer."
  (setq-local completion-at-point-functions '(meerkat-mention-complete)
              meerkat-mention-folder-function (lambda () folder)))

(defun meerkat-ask--target (new)
  "Return the session to ask: the last one of this folder, or, NEW, a new one."
  (let ((folder (meerkat-connection-folder)))
    (or (and (not new)
             (seq-find (lambda (session)
                         (and (meerkat-session-cwd session)
                              (not (meerkat-session-archived session))
                              (string= (file-name-as-directory (meerkat-session-cwd session)) folder)))
                       (meerkat-ask--open-in-order)))
        (meerkat-ask--new-session))))

(defun meerkat-ask--open-in-order ()
  "Return the sessions that have a chat, the one that was selected last first."
  (delq nil (mapcar (lambda (buffer)
                      (and (eq (buffer-local-value 'major-mode buffer) 'meerkat-chat-mode)
                           (buffer-local-value 'meerkat-buffer-session buffer)))
                    (buffer-list))))

;;;###autoload
(defun meerkat-add-region (begin end)
  "Put the region from BEGIN to END into the prompt of the chat, and go there."
  (interactive "r")
  (let* ((session (meerkat-ask--target nil))
         (text (meerkat-ask-reference begin end (meerkat-session-cwd session))))
    (deactivate-mark)
    (with-current-buffer (meerkat-chat-display session t)
      (goto-char (point-max))
      (let ((written (meerkat-buffer-prompt-text)))
        (meerkat-buffer-set-prompt-text
         (concat written (if (string-empty-p written) "" "\n\n") text "\n\n"))))))

;;;; References

(defun meerkat-ask-reference (begin end folder)
  "Return the text from BEGIN to END for a prompt: where it is, and what it states.
The file's name is relative to FOLDER."
  (let* ((text (string-trim-right (buffer-substring-no-properties begin end) "\n"))
         (fence (meerkat-ask--fence text)))
    (format "%s\n%s%s\n%s\n%s" (meerkat-ask--place begin end folder)
            fence (meerkat-ask--language) text fence)))

(defun meerkat-ask--place (begin end folder)
  "Return where BEGIN to END is, such as src/a.el#L1-9, from FOLDER on."
  (let ((first (line-number-at-pos begin t))
        (last (line-number-at-pos (if (and (> end begin) (eq (char-before end) ?\n)) (1- end) end) t)))
    (concat (if buffer-file-name
                (file-relative-name buffer-file-name folder)
              (buffer-name))
            (if (= first last) (format "#L%d" first) (format "#L%d-%d" first last)))))

(defun meerkat-ask--fence (text)
  "Return back quotes that can stand around TEXT: more than are in it."
  (let ((longest 2) (position 0))
    (while (string-match "`+" text position)
      (setq longest (max longest (- (match-end 0) (match-beginning 0)))
            position (match-end 0)))
    (make-string (1+ longest) ?`)))

(defun meerkat-ask--language ()
  "Return how fences name the language of this buffer."
  (let ((name (replace-regexp-in-string "\\(-ts\\)?-mode\\'" "" (symbol-name major-mode))))
    (pcase name
      ((or "fundamental" "text" "special") "")
      ("sh" "bash")
      ("js" "javascript")
      (_ name))))

(provide 'meerkat-ask)
;;; meerkat-ask.el ends here
