;;; meerkat-live.el --- What is going on in a chat  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; The end of a transcript, while a turn runs: the text that streams, a thought,
;; the tools.

;;; Code:

(require 'cl-lib)
(require 'meerkat-buffer)
(require 'meerkat-entry)
(require 'meerkat-session)

(cl-defstruct (meerkat-live (:constructor meerkat-live-create))
  "What is going on at the end of a transcript.
SPOKE: the turn whose answer has its heading.  TEXT and BEGIN, END: what is
being said, and where.  THOUGHT, THOUGHTS, SINCE: a fold, its pieces, when
it began.  TOOLS: an alist of calls, by id: fold, name, args, result.
ASKED: an alist of questions, by id."
  spoke text begin end thought thoughts since tools asked)

(defvar-local meerkat-live-now nil
  "What is going on at the end of this buffer's transcript.")

(defun meerkat-live-reset ()
  "Nothing is going on at the end of this buffer's transcript."
  (setq meerkat-live-now (meerkat-live-create)))

(defmacro meerkat-live-aside (&rest body)
  "Evaluate BODY, which writes at the end, behind the text that streams."
  (declare (indent 0) (debug t))
  `(let* ((end (meerkat-live-end meerkat-live-now))
          (place (and end (marker-position end))))
     (meerkat-buffer-at-end ,@body)
     (when place (set-marker end place))))

(defun meerkat-live-speak (message)
  "Have the model's heading above what it states in the turn of MESSAGE."
  (let ((turn (plist-get message :turn_id)))
    (unless (equal turn (meerkat-live-spoke meerkat-live-now))
      (setf (meerkat-live-spoke meerkat-live-now) turn)
      (meerkat-live-aside
        (meerkat-entry-speaker (meerkat-session-speaker meerkat-buffer-session)
                               (list :turn turn :role "assistant")
                               (plist-get message :timestamp_ms))))))

(provide 'meerkat-live)
;;; meerkat-live.el ends here
