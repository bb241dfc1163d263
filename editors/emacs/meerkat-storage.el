;;; meerkat-storage.el --- Drafts and prompts, kept over restarts  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Each draft is a file, and so is the history of prompts, to which lines are
;; added: several Emacsen may write at the same time.

;;; Code:

(require 'meerkat-settings)
(require 'subr-x)

(defvar meerkat-storage-prompts nil
  "What was sent, the latest first: also the history of the minibuffer.")

(defvar meerkat-storage--loaded nil
  "Whether the history of prompts was read.")

(defun meerkat-storage--file (name)
  "Return the path of the file NAME; its directory is made."
  (let ((file (expand-file-name name meerkat-state-directory)))
    (with-file-modes #o700 (make-directory (file-name-directory file) t))
    file))

(defun meerkat-storage--write (file text append)
  "Write TEXT to FILE, or APPEND it, readable by its owner only."
  (let ((coding-system-for-write 'utf-8-emacs-unix)
        (write-region-inhibit-fsync t))
    (with-file-modes #o600
      (condition-case failure
          (write-region text nil file append 'quiet)
        (file-error (message "meerkat: %s can't be kept: %s" file (error-message-string failure)))))))

(defun meerkat-storage--read (file)
  "Return what FILE has, or nil."
  (when (file-readable-p file)
    (with-temp-buffer
      (let ((coding-system-for-read 'utf-8-emacs-unix))
        (insert-file-contents file))
      (buffer-string))))

;;;; Drafts

(defun meerkat-storage--draft-file (key)
  "Return the file of the draft KEY: a session's id, or a folder for a new chat."
  (meerkat-storage--file
   (concat "drafts/" (if (file-name-absolute-p key) (concat "new-" (md5 key)) key))))

(defun meerkat-storage-draft (key)
  "Return the draft KEY, or \"\"."
  (or (meerkat-storage--read (meerkat-storage--draft-file key)) ""))

(defun meerkat-storage-keep-draft (key text)
  "Keep TEXT as the draft KEY; an empty one has no file."
  (let ((file (meerkat-storage--draft-file key)))
    (if (string-blank-p text)
        (ignore-errors (delete-file file))
      (meerkat-storage--write file text nil))))

;;;; Prompts

(defun meerkat-storage-load-prompts ()
  "Read the history, once."
  (unless meerkat-storage--loaded
    (setq meerkat-storage--loaded t
          meerkat-storage-prompts
          (append meerkat-storage-prompts (meerkat-storage--stored-prompts)))))

(defun meerkat-storage--stored-prompts ()
  "Return the stored history, the latest first; its file is shortened if it grew."
  (let* ((file (meerkat-storage--file "prompts"))
         (lines (split-string (or (meerkat-storage--read file) "") "\n" t))
         (kept (last lines meerkat-prompt-history-length)))
    (when (> (length lines) (* 2 meerkat-prompt-history-length))
      (meerkat-storage--write file (concat (string-join kept "\n") "\n") nil))
    (delete-dups (nreverse (delq nil (mapcar #'meerkat-storage--parse kept))))))

(defun meerkat-storage--parse (line)
  "Return the prompt that LINE has; nil if it is damaged."
  (let ((value (ignore-errors (car (read-from-string line)))))
    (and (stringp value) value)))

(defun meerkat-storage-add-prompt (prompt)
  "Add PROMPT to the history."
  (meerkat-storage-load-prompts)
  (let ((text (substring-no-properties prompt)))
    (setq meerkat-storage-prompts
          (seq-take (cons text (delete text meerkat-storage-prompts)) meerkat-prompt-history-length))
    (let ((print-escape-newlines t))
      (meerkat-storage--write (meerkat-storage--file "prompts") (concat (prin1-to-string text) "\n") t))))

;;;; The last session

(defun meerkat-storage-last-session ()
  "Return the id of the session that was last used here, or nil."
  (meerkat-storage--read (meerkat-storage--file "last-session")))

(defun meerkat-storage-keep-last-session (id)
  "Note that the session ID was used."
  (meerkat-storage--write (meerkat-storage--file "last-session") id nil))

(provide 'meerkat-storage)
;;; meerkat-storage.el ends here
