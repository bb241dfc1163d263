;;; meerkat-transcript.el --- Events become a transcript  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Each event of a session adds to the end of its transcript, or changes what is
;; still going on there: the text that streams, a thought, tools that run.
;; Types of events that aren't known are left alone.

;;; Code:

(require 'cl-lib)
(require 'meerkat-entry)
(require 'meerkat-live)
(require 'meerkat-note)
(require 'meerkat-session)
(require 'meerkat-text)

(defconst meerkat-transcript--handlers
  '(("run_started" . meerkat-transcript--prompt)
    ("text_delta" . meerkat-transcript--text)
    ("text_complete" . meerkat-transcript--text-complete)
    ("reasoning_delta" . meerkat-transcript--think)
    ("reasoning_complete" . meerkat-transcript--thought-complete)
    ("deltas_folded" . meerkat-transcript--folded)
    ("tool_call_requested" . meerkat-transcript--tool)
    ("tool_execution_started" . meerkat-transcript--tool)
    ("tool_execution_completed" . meerkat-transcript--tool-completed)
    ("tool_execution_timed_out" . meerkat-transcript--tool-timed-out)
    ("tool_result_received" . meerkat-transcript--tool-received)
    ("turn_completed" . meerkat-transcript--call-ended)
    ("run_completed" . meerkat-transcript--completed)
    ("run_failed" . meerkat-transcript--failed)
    ("steered" . meerkat-note--steered)
    ("context_injected" . meerkat-note--context)
    ("approval_requested" . meerkat-note--asked)
    ("approval_resolved" . meerkat-note--answered)
    ("retrying" . meerkat-note--retrying)
    ("budget_warning" . meerkat-note--budget)
    ("compaction_started" . meerkat-note--compacting)
    ("compaction_completed" . meerkat-note--compacted)
    ("compaction_failed" . meerkat-note--not-compacted)
    ("stream_truncated" . meerkat-note--truncated))
  "What shows events, by their type: called with the event and its message.")

(defun meerkat-transcript-show (message)
  "Show MESSAGE, an event with its turn and time, in this buffer."
  (let* ((event (plist-get message :event))
         (handler (cdr (assoc (plist-get event :type) meerkat-transcript--handlers))))
    (when handler (funcall handler event message))))

;;;; What is said

(defun meerkat-transcript--prompt (event message)
  "Show the prompt with which EVENT began the turn of MESSAGE."
  (meerkat-live-reset)
  (meerkat-buffer-at-end
    (meerkat-entry-prompt (plist-get event :prompt)
                          (list :turn (plist-get message :turn_id) :role "user")
                          (plist-get message :timestamp_ms))))

(defun meerkat-transcript--text (event message)
  "Show the piece of text that EVENT of MESSAGE contributes."
  (let ((live meerkat-live-now))
    (unless (meerkat-live-text live)
      (meerkat-transcript--begin-text message))
    (when-let ((added (meerkat-text-added (meerkat-live-text live)
                                          (plist-get message :seq) event)))
      (let ((begin (marker-position (meerkat-live-begin live))))
        (goto-char (meerkat-live-end live))
        (meerkat-entry-answer added)
        (set-marker (meerkat-live-begin live) begin)
        (set-marker (meerkat-live-end live) (point))))))

(defun meerkat-transcript--begin-text (message)
  "Have a place for the text of the model call that MESSAGE belongs to."
  (let ((live meerkat-live-now))
    (meerkat-live-speak message)
    (meerkat-buffer-at-end
      (meerkat-entry-begin-answer)
      (setf (meerkat-live-text live) (meerkat-text-create)
            (meerkat-live-begin live) (copy-marker (point))
            (meerkat-live-end live) (copy-marker (point))))))

(defun meerkat-transcript--text-complete (event message)
  "Have the whole text of EVENT of MESSAGE there: it has the last word."
  (meerkat-transcript--text event message)
  (let* ((live meerkat-live-now)
         (begin (meerkat-live-begin live))
         (end (meerkat-live-end live))
         (content (plist-get event :content)))
    (unless (string= content (meerkat-buffer-text begin end))
      (let ((place (marker-position begin)))
        (delete-region begin end)
        (goto-char place)
        (meerkat-entry-answer content)
        (set-marker begin place)
        (set-marker end (point))))
    (meerkat-transcript--close-text)))

(defun meerkat-transcript--close-text ()
  "End the text that streams with a line of its own."
  (when-let ((end (meerkat-live-end meerkat-live-now)))
    (goto-char end)
    (meerkat-buffer-fresh-line)
    (set-marker (meerkat-live-begin meerkat-live-now) nil)
    (set-marker end nil)
    (setf (meerkat-live-text meerkat-live-now) nil
          (meerkat-live-begin meerkat-live-now) nil
          (meerkat-live-end meerkat-live-now) nil)))

(defun meerkat-transcript--folded (event message)
  "Show what EVENT of MESSAGE, folded deltas, stands for."
  (if (equal (plist-get event :kind) "text")
      (meerkat-transcript--text event message)
    (when (plist-get event :content)
      (meerkat-transcript--think (list :delta (plist-get event :content)) message))))

;;;; What is thought

(defun meerkat-transcript--think (event message)
  "Keep the piece of reasoning that EVENT of MESSAGE carries."
  (let ((live meerkat-live-now))
    (unless (meerkat-live-thought live)
      (meerkat-transcript--begin-thought message))
    (push (plist-get event :delta) (car (meerkat-live-thoughts live)))))

(defun meerkat-transcript--begin-thought (message)
  "Insert a line for the reasoning that begins with MESSAGE."
  (meerkat-live-speak message)
  (let* ((live meerkat-live-now)
         (pieces (list nil)))
    (meerkat-live-aside
      (setf (meerkat-live-thoughts live) pieces
            (meerkat-live-since live) (plist-get message :timestamp_ms)
            (meerkat-live-thought live)
            (meerkat-entry-thought "thinking…"
                                   (lambda () (apply #'concat (reverse (car pieces)))))))))

(defun meerkat-transcript--thought-complete (event message)
  "Say how long the reasoning took that EVENT of MESSAGE completes."
  (let ((live meerkat-live-now))
    (unless (meerkat-live-thought live)
      (meerkat-transcript--begin-thought message))
    (setcar (meerkat-live-thoughts live) (list (plist-get event :content)))
    (meerkat-fold-retitle
     (meerkat-live-thought live)
     (propertize (format "thought for %.1f s"
                         (/ (- (plist-get message :timestamp_ms) (meerkat-live-since live)) 1000.0))
                 'face 'meerkat-note))
    (setf (meerkat-live-thought live) nil)))

;;;; Tools

(defun meerkat-transcript--tool (event message)
  "Show that the tool of EVENT of MESSAGE is called; return what is known of it."
  (let ((live meerkat-live-now)
        (id (plist-get event :id)))
    (or (cdr (assoc id (meerkat-live-tools live)))
        (let ((tool (list :name (plist-get event :name) :args (plist-get event :args) :result nil)))
          (meerkat-live-speak message)
          (meerkat-live-aside
            (setq tool (plist-put tool :fold
                                  (meerkat-entry-tool (plist-get event :name) (plist-get event :args) 'running
                                                      (lambda () (plist-get tool :result))))))
          (push (cons id tool) (meerkat-live-tools live))
          tool))))

(defun meerkat-transcript--set-tool (event message state &optional result)
  "Show that the tool of EVENT of MESSAGE is now in STATE, and keep its RESULT."
  (let ((tool (meerkat-transcript--tool event message)))
    (plist-put tool :result result)
    (plist-put tool :ended t)
    (meerkat-fold-retitle (plist-get tool :fold)
                          (meerkat-entry-tool-title (plist-get tool :name) (plist-get tool :args) state))))

(defun meerkat-transcript--tool-completed (event message)
  "Show how the tool of EVENT of MESSAGE ended."
  (meerkat-transcript--set-tool event message
                                (cons (if (eq (plist-get event :is_error) t) 'failed 'ok)
                                      (plist-get event :duration_ms))
                                (plist-get event :result)))

(defun meerkat-transcript--tool-timed-out (event message)
  "Show that the tool of EVENT of MESSAGE took too long."
  (meerkat-transcript--set-tool event message (cons "timed out" (plist-get event :timeout_ms))))

(defun meerkat-transcript--tool-received (event message)
  "Show that the tool of EVENT of MESSAGE has answered, if nothing said so."
  (unless (plist-get (meerkat-transcript--tool event message) :ended)
    (meerkat-transcript--set-tool event message (if (eq (plist-get event :is_error) t) 'failed 'ok))))

(defun meerkat-transcript--call-ended (_event _message)
  "The model call ended: what comes next is text of its own."
  (meerkat-transcript--close-text)
  (setf (meerkat-live-thought meerkat-live-now) nil))

;;;; Ends

(defun meerkat-transcript--end ()
  "End what was going on: tools that ran run no more."
  (meerkat-transcript--close-text)
  (pcase-dolist (`(,_id . ,tool) (meerkat-live-tools meerkat-live-now))
    (unless (plist-get tool :ended)
      (meerkat-fold-retitle (plist-get tool :fold)
                            (meerkat-entry-tool-title (plist-get tool :name) (plist-get tool :args) "interrupted")))))

(defun meerkat-transcript--completed (event message)
  "Show that the turn of MESSAGE is complete, if EVENT doesn't follow an answer."
  (meerkat-transcript--end)
  (unless (equal (plist-get message :turn_id) (meerkat-live-spoke meerkat-live-now))
    (meerkat-live-speak message)
    (if (string-empty-p (or (plist-get event :result) ""))
        (meerkat-note-add "(no answer)")
      (meerkat-buffer-at-end (meerkat-entry-answer (concat (plist-get event :result) "\n"))))))

(defun meerkat-transcript--failed (event _message)
  "Show why the turn failed that EVENT ends; what it said stays."
  (meerkat-transcript--end)
  (pcase (plist-get event :reason)
    ("cancelled" (meerkat-note-add "■ interrupted"))
    ("host_exit" (meerkat-note-add "■ interrupted: the server ended"))
    (_ (meerkat-note-add (concat "✗ " (plist-get event :error)) 'meerkat-failure))))

(provide 'meerkat-transcript)
;;; meerkat-transcript.el ends here
