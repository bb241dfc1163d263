;;; meerkat-note.el --- Quiet lines in a chat  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Events that are told in a line: what was added, tried again, summarised.

;;; Code:

(require 'meerkat-entry)
(require 'meerkat-live)

(defun meerkat-note-add (text &optional face)
  "Add TEXT as a line of its own, in FACE."
  (meerkat-live-aside (meerkat-entry-note text face)))

(defun meerkat-note--steered (event message)
  "Show what EVENT contributes to the turn of MESSAGE."
  (meerkat-live-aside
    (meerkat-entry-prompt (plist-get event :prompt) (list :turn (plist-get message :turn_id) :role "user")
                          (plist-get message :timestamp_ms) "steer"))
  (setf (meerkat-live-spoke meerkat-live-now) nil))

(defun meerkat-note--context (event message)
  "Show the context that EVENT of MESSAGE carries."
  (meerkat-live-aside
    (meerkat-entry-prompt (plist-get event :content) (list :turn (plist-get message :turn_id) :role "user")
                          (plist-get message :timestamp_ms) "context")))

(defun meerkat-note--asked (event _message)
  "Keep what EVENT asks, for the line about its answer.
Until then the question itself is above the prompt."
  (push (cons (plist-get event :approval_id) (plist-get event :summary))
        (meerkat-live-asked meerkat-live-now)))

(defun meerkat-note--answered (event message)
  "Say how the question was answered that EVENT of MESSAGE names."
  (meerkat-live-speak message)
  (let ((choice (plist-get event :choice))
        (asked (cdr (assoc (plist-get event :approval_id) (meerkat-live-asked meerkat-live-now)))))
    (meerkat-note-add (format "%s %s%s" (if (equal choice "deny") "✗" "✓") choice
                              (if asked (concat ": " asked) "")))))

(defun meerkat-note--retrying (event _message)
  "Say that a call is tried again, as EVENT reports."
  (meerkat-note-add (format "↻ trying again (%d of %d) in %.1f s: %s" (plist-get event :attempt)
                                    (plist-get event :max_attempts) (/ (plist-get event :delay_ms) 1000.0)
                                    (plist-get event :error))))

(defun meerkat-note--budget (event _message)
  "Say that a budget is nearly used up, as EVENT reports."
  (meerkat-note-add (format "! %s: %s of %s used" (plist-get event :budget_type)
                                    (plist-get event :used) (plist-get event :limit))))

(defun meerkat-note--compacting (_event _message)
  "Say that the history is being summarised."
  (meerkat-note-add "⇊ summarising what came before…"))

(defun meerkat-note--compacted (event _message)
  "Say what was summarised, as EVENT reports."
  (meerkat-note-add (format "⇊ the model now reads a summary: %d messages in place of %d"
                                    (plist-get event :messages_after) (plist-get event :messages_before))))

(defun meerkat-note--not-compacted (event _message)
  "Say why the history wasn't summarised, as EVENT reports."
  (meerkat-note-add (format "⇊ not summarised: %s" (plist-get event :error))))

(defun meerkat-note--truncated (event _message)
  "Say that events are missing, as EVENT reports."
  (meerkat-note-add (format "… %s" (plist-get event :reason))))

(provide 'meerkat-note)
;;; meerkat-note.el ends here
