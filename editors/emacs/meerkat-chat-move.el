;;; meerkat-chat-move.el --- Moving in a chat  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; From message to message, to the prompt, and the list of prompts for imenu.

;;; Code:

(require 'button)
(require 'text-property-search)
(require 'meerkat-buffer)

(defun meerkat-chat-newline ()
  "Begin a new line in the prompt."
  (interactive "*")
  (newline))

(defun meerkat-chat-to-prompt ()
  "Go to the prompt; on a button, press it."
  (interactive)
  (if (button-at (point))
      (push-button)
    (goto-char (point-max))))

(defun meerkat-chat-next-message (count)
  "Go to the heading COUNT messages below; after the last, to the prompt."
  (interactive "p")
  (if (< count 0)
      (meerkat-chat-previous-message (- count))
    (dotimes (_ count)
      (let ((match (save-excursion (text-property-search-forward 'meerkat-message nil nil t))))
        (goto-char (if match (prop-match-beginning match) (point-max)))))))

(defun meerkat-chat-previous-message (count)
  "Go to the heading COUNT messages above."
  (interactive "p")
  (if (< count 0)
      (meerkat-chat-next-message (- count))
    (dotimes (_ count)
      (let ((match (save-excursion (text-property-search-backward 'meerkat-message nil nil t))))
        (goto-char (if match (prop-match-beginning match) (point-min)))))))

(defun meerkat-chat-message-here ()
  "Return what the heading above point knows of its message, a plist, or nil."
  (save-excursion
    (end-of-line)
    (when-let ((match (text-property-search-backward 'meerkat-message nil nil nil)))
      (prop-match-value match))))

(defun meerkat-chat--index ()
  "Return what was asked in this chat, for imenu."
  (save-excursion
    (goto-char (point-min))
    (let (index match)
      (while (setq match (text-property-search-forward 'meerkat-message nil nil nil))
        (when (equal (plist-get (prop-match-value match) :role) "user")
          (forward-line 1)
          (push (cons (buffer-substring-no-properties (point) (line-end-position))
                      (prop-match-beginning match))
                index)))
      (nreverse index))))

(provide 'meerkat-chat-move)
;;; meerkat-chat-move.el ends here
