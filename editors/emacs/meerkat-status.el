;;; meerkat-status.el --- How it is, in the mode line  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; One small item for every mode line: idle, busy, needs you, offline.  It is
;; shown by `meerkat-status-mode'; `meerkat-status' is for mode lines of one's own.

;;; Code:

(require 'meerkat-chat)

(defun meerkat-status ()
  "Return the state of all sessions that are open here, as a symbol.
`needs-you', `busy', `offline' or `idle': the first of these that holds."
  (let ((states (mapcar #'meerkat-session-status (meerkat-session-open-ones))))
    (cond ((memq meerkat-connection-state '(waiting failed)) 'offline)
          ((memq 'needs-you states) 'needs-you)
          ((memq 'busy states) 'busy)
          (t 'idle))))

(defvar meerkat-status-map
  (let ((map (make-sparse-keymap)))
    (define-key map [mode-line mouse-1] #'meerkat-status-go)
    map)
  "Keys on the item of the mode line.")

(defun meerkat-status-item ()
  "Return the item for the mode line; nil while the server was never needed."
  (unless (eq meerkat-connection-state 'off)
    (concat " "
            (propertize (concat "meerkat:" (meerkat-chat-state-text (meerkat-status)))
                        'help-echo "mouse-1: show the chat that waits, runs, or was last used"
                        'mouse-face 'mode-line-highlight
                        'local-map meerkat-status-map))))

(defun meerkat-status-go ()
  "Show the chat that waits for you, or that is running, or was used last."
  (interactive)
  (let ((session (seq-some (lambda (state)
                             (seq-find (lambda (session) (eq (meerkat-session-status session) state))
                                       (meerkat-session-open-ones)))
                           '(needs-you busy idle))))
    (if session
        (meerkat-chat-display session t)
      (message "meerkat: no chat is open"))))

(defvar meerkat-status--construct '(:eval (meerkat-status-item))
  "What the mode line shows.")
(put 'meerkat-status--construct 'risky-local-variable t)

;;;###autoload
(define-minor-mode meerkat-status-mode
  "Show in every mode line whether sessions run or wait for you."
  :global t
  :group 'meerkat
  (setq global-mode-string
        (delete meerkat-status--construct (or global-mode-string '(""))))
  (when meerkat-status-mode
    (setq global-mode-string (append global-mode-string (list meerkat-status--construct))))
  (force-mode-line-update t))

(defun meerkat-status--update (&rest _ignored)
  "Draw the mode lines anew."
  (when meerkat-status-mode (force-mode-line-update t)))

(add-hook 'meerkat-session-changed-functions #'meerkat-status--update)
(add-hook 'meerkat-connection-state-hook #'meerkat-status--update)

(provide 'meerkat-status)
;;; meerkat-status.el ends here
