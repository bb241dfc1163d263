;;; meerkat-notify.el --- Telling who looks elsewhere  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; When a turn ends or waits for an answer, and the user can't see it: because
;; Emacs isn't focused, or because no window shows the chat.

;;; Code:

(require 'meerkat-session)

(defun meerkat-notify--focused-p ()
  "Return non-nil unless it is known that no frame has the focus."
  (seq-some #'frame-focus-state (frame-list)))

(defun meerkat-notify--seen-p (session)
  "Return non-nil if somebody who is looking at Emacs sees the chat of SESSION."
  (let ((buffer (meerkat-session-buffer session)))
    (and (buffer-live-p buffer)
         (get-buffer-window buffer 'visible)
         (meerkat-notify--focused-p))))

(defun meerkat-notify--tell (id text)
  "Tell TEXT about the session ID, if it isn't seen."
  (when-let ((session (and meerkat-notify (meerkat-session-find id))))
    (unless (meerkat-notify--seen-p session)
      (let ((title (meerkat-session-name session)))
        (cond (meerkat-notify-function (funcall meerkat-notify-function title text))
              ((meerkat-notify--focused-p) (message "meerkat: %s — %s" title text))
              (t (meerkat-notify--call title text)))))))

(defun meerkat-notify--call (title text)
  "Tell TITLE and TEXT to somebody who isn't at Emacs."
  (unless (and (fboundp 'notifications-notify)
               (display-graphic-p)
               (ignore-errors (meerkat-notify--desktop title text)))
    (ding t)
    (message "meerkat: %s — %s" title text)))

(declare-function notifications-notify "notifications")

(defun meerkat-notify--desktop (title text)
  "Have the desktop show TITLE and TEXT; nil if it can't."
  (notifications-notify :title title :body text :app-name "Emacs"))

(defun meerkat-notify--ended (id _turn outcome)
  "A turn of the session ID ended with OUTCOME."
  (meerkat-notify--tell id (pcase outcome
                             ('completed "answered")
                             ('failed "failed")
                             (_ "was interrupted"))))

(defun meerkat-notify--asked (id _approval summary)
  "Something waits for an answer in the session ID: SUMMARY."
  (meerkat-notify--tell id (format "needs you: %s" summary)))

(add-hook 'meerkat-turn-ended-functions #'meerkat-notify--ended)
(add-hook 'meerkat-approval-requested-functions #'meerkat-notify--asked)

(autoload 'notifications-notify "notifications")

(provide 'meerkat-notify)
;;; meerkat-notify.el ends here
