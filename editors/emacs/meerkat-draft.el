;;; meerkat-draft.el --- What is written and not sent  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; A prompt is a draft until the server has accepted it, and is kept on disk until
;; then.  Earlier prompts can be walked through.

;;; Code:

(require 'subr-x)
(require 'meerkat-buffer)
(require 'meerkat-session)
(require 'meerkat-storage)

(defconst meerkat-draft--idle 0.5
  "Seconds of idleness after which a draft is kept.")

(defvar-local meerkat-draft-history-place nil
  "Place in the history of prompts that the prompt shows; nil for none.")

(defvar-local meerkat-draft--stash ""
  "What was written before the history was looked at.")

(defvar-local meerkat-draft-unsent nil
  "Prompts that were sent and not accepted yet: still a part of the draft.")

(defvar-local meerkat-draft--timer nil
  "Timer that keeps the draft.")

;;;; Drafts

(defun meerkat-draft-in-buffer (session function &rest arguments)
  "Call FUNCTION with ARGUMENTS in the buffer of SESSION, if it has one."
  (let ((buffer (meerkat-session-buffer session)))
    (when (buffer-live-p buffer)
      (with-current-buffer buffer (apply function arguments)))))

(defun meerkat-draft--key ()
  "Return the key under which this buffer's draft is kept."
  (if (meerkat-session-exists meerkat-buffer-session)
      (meerkat-session-id meerkat-buffer-session)
    (meerkat-session-cwd meerkat-buffer-session)))

(defun meerkat-draft-restore ()
  "Put the draft that was kept for this buffer into the prompt, if that is empty."
  (when (string-empty-p (meerkat-buffer-prompt-text))
    (let ((draft (meerkat-storage-draft (meerkat-draft--key))))
      (unless (string-empty-p draft)
        (meerkat-buffer-set-prompt-text draft)))))

(defun meerkat-draft-keep ()
  "Keep what is written in this buffer."
  (setq meerkat-draft--timer nil)
  (when meerkat-buffer-session
    (meerkat-storage-keep-draft
     (meerkat-draft--key)
     (string-join (reverse (cons (meerkat-buffer-prompt-text) meerkat-draft-unsent)) "\n\n"))))

(defun meerkat-draft--changed (begin _end _length)
  "Keep the draft soon if the change at BEGIN is one of the prompt."
  (when (and (not inhibit-read-only) (>= begin meerkat-buffer-prompt) (not meerkat-draft--timer))
    (setq meerkat-draft--timer
          (run-with-idle-timer meerkat-draft--idle nil #'meerkat-draft--keep-of (current-buffer)))))

(defun meerkat-draft--keep-of (buffer)
  "Keep what is written in BUFFER, if it is still there."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer (meerkat-draft-keep))))

(defun meerkat-draft--keep-all ()
  "Keep what is written in every chat."
  (dolist (session (meerkat-session-open-ones))
    (meerkat-draft-in-buffer session #'meerkat-draft-keep)))

(add-hook 'kill-emacs-hook #'meerkat-draft--keep-all)

(defun meerkat-draft-setup ()
  "Let this buffer keep its draft."
  (add-hook 'after-change-functions #'meerkat-draft--changed nil t)
  (add-hook 'kill-buffer-hook #'meerkat-draft-keep nil t))

;;;; The history of prompts

(defun meerkat-previous-prompt (count)
  "Show the prompt that was sent COUNT before the one shown."
  (interactive "p")
  (meerkat-storage-load-prompts)
  (let* ((now (or meerkat-draft-history-place -1))
         (place (+ now count)))
    (when (= now -1) (setq meerkat-draft--stash (meerkat-buffer-prompt-text)))
    (cond ((>= place (length meerkat-storage-prompts)) (message "meerkat: no earlier prompt"))
          ((< place -1) (message "meerkat: no later prompt"))
          (t (meerkat-draft--show-prompt place)))))

(defun meerkat-next-prompt (count)
  "Show the prompt that was sent COUNT after the one shown."
  (interactive "p")
  (meerkat-previous-prompt (- count)))

(defun meerkat-draft--show-prompt (place)
  "Show the prompt at PLACE of the history; at -1, what was written before."
  (setq meerkat-draft-history-place (and (>= place 0) place))
  (meerkat-buffer-set-prompt-text
   (if (>= place 0) (nth place meerkat-storage-prompts) meerkat-draft--stash)))

(defun meerkat-search-prompts ()
  "Pick an earlier prompt and put it into the prompt."
  (interactive)
  (meerkat-storage-load-prompts)
  (if (null meerkat-storage-prompts)
      (message "meerkat: no earlier prompt")
    (meerkat-buffer-set-prompt-text
     (completing-read "Earlier prompt: " meerkat-storage-prompts))))

(defun meerkat-draft-give-back (text)
  "Put TEXT before what is written."
  (let ((written (meerkat-buffer-prompt-text)))
    (meerkat-buffer-set-prompt-text
     (if (string-blank-p written) text (concat text "\n\n" written)))))

(defun meerkat-draft-settled (text)
  "TEXT was sent, or has come back: it waits for the server no longer."
  (setq meerkat-draft-unsent (remove text meerkat-draft-unsent))
  (meerkat-draft-keep))

(provide 'meerkat-draft)
;;; meerkat-draft.el ends here
