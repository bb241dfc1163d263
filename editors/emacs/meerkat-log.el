;;; meerkat-log.el --- The log, and the messages on the wire  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; What the server writes to stderr and what befalls it goes to one buffer.
;; The JSON-RPC messages go to another, while somebody wants to see them.

;;; Code:

(require 'json)

(defconst meerkat-log-buffer "*meerkat-log*"
  "Name of the log's buffer.")

(defconst meerkat-log-traffic-buffer "*meerkat-traffic*"
  "Name of the buffer for messages.")

(defconst meerkat-log--limit 1000000
  "Characters that a log holds: enough for hours, and no burden.")

(defconst meerkat-log--message-limit 4000
  "Characters of one message: a history would drown the others.")

(defvar meerkat-log-tracing nil
  "Non-nil while messages are written down.")

(defun meerkat-log (format-string &rest arguments)
  "Add a line to the log: FORMAT-STRING with ARGUMENTS."
  (meerkat-log--add meerkat-log-buffer (apply #'format format-string arguments)))

(defun meerkat-log-message (direction message)
  "Write MESSAGE down if somebody wants to see traffic; DIRECTION is an arrow."
  (when meerkat-log-tracing
    (meerkat-log--add meerkat-log-traffic-buffer
                      (concat direction " " (meerkat-log--cut (meerkat-log--json message))))))

(defun meerkat-log--json (message)
  "Return MESSAGE, a plist, as JSON."
  (condition-case nil
      (decode-coding-string (json-serialize message :null-object nil :false-object :json-false)
                            'utf-8-emacs)
    (error (format "%S" message))))

(defun meerkat-log--cut (text)
  "Return TEXT, or as much of it as one line of the log may have."
  (if (<= (length text) meerkat-log--message-limit)
      text
    (format "%s… (%d characters)" (substring text 0 meerkat-log--message-limit) (length text))))

(defun meerkat-log--add (name line)
  "Add LINE, with the time, to the buffer called NAME."
  (with-current-buffer (meerkat-log--buffer name)
    (let ((inhibit-read-only t)
          (at-end (= (point) (point-max))))
      (save-excursion
        (goto-char (point-max))
        (insert (format-time-string "%T.%3N ") line "\n")
        (when (> (buffer-size) meerkat-log--limit)
          (delete-region (point-min) (/ (point-max) 2))))
      (when at-end (goto-char (point-max))))))

(defun meerkat-log--buffer (name)
  "Return the buffer called NAME, which is made where there is none."
  (or (get-buffer name)
      (with-current-buffer (get-buffer-create name)
        (special-mode)
        (setq buffer-undo-list t)
        (current-buffer))))

;;;###autoload
(defun meerkat-log-show ()
  "Show the log: what the server wrote to stderr, and its crashes."
  (interactive)
  (pop-to-buffer (meerkat-log--buffer meerkat-log-buffer)))

;;;###autoload
(defun meerkat-traffic ()
  "Begin or stop writing down the messages between Emacs and the server."
  (interactive)
  (setq meerkat-log-tracing (not meerkat-log-tracing))
  (if (not meerkat-log-tracing)
      (message "meerkat: messages are no longer written down")
    (display-buffer (meerkat-log--buffer meerkat-log-traffic-buffer))
    (message "meerkat: messages are written down until the next M-x meerkat-traffic")))

(provide 'meerkat-log)
;;; meerkat-log.el ends here
