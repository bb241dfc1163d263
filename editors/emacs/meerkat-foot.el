;;; meerkat-foot.el --- What goes on, above the prompt  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; The foot of a chat: what is wrong, what waits for the user, which prompts wait
;; for their turn, whether one runs, and a hint where nothing was said yet.

;;; Code:

(require 'meerkat-approval)
(require 'meerkat-buffer)
(require 'meerkat-session)

(defconst meerkat-foot--prompt-width 60
  "Columns that a prompt which waits gets.")

(defvar meerkat-foot-dequeue-function #'ignore
  "Function that takes a prompt back: called with its item of the queue.")

(defun meerkat-foot-update ()
  "Let the foot of this buffer say how its session is."
  (let ((session meerkat-buffer-session))
    (meerkat-buffer-set-foot
     (concat "\n"
             (meerkat-foot--hint session)
             (meerkat-foot--problem session)
             (mapconcat #'meerkat-approval-text (meerkat-session-approvals session) "")
             (mapconcat #'meerkat-foot--waiting (meerkat-session-queue session) "")
             (meerkat-foot--activity session))
     (list (meerkat-session-approvals session) (meerkat-session-queue session)
           (meerkat-session-running session) (meerkat-session-stopping session)
           (meerkat-session-problem session) (meerkat-session-archived session)
           meerkat-connection-problem meerkat-connection-state
           (meerkat-foot--empty-p session) (meerkat-session-speaker session)))))

(defun meerkat-foot--empty-p (session)
  "Return non-nil if nothing was said in SESSION yet."
  (and (or (not (meerkat-session-exists session)) (meerkat-session-stream session))
       (= meerkat-buffer-body (point-min))))

(defun meerkat-foot--hint (session)
  "Return how to begin, where nothing was said in SESSION yet."
  (if (not (meerkat-foot--empty-p session))
      ""
    (propertize
     (concat (format "Ask %s something.\n" (meerkat-foot--answerer session))
             "RET sends, C-j begins a new line, @ names a file, C-c C-c stops an answer,\n"
             "C-c ? shows what else there is.\n\n")
     'face 'meerkat-note)))

(defun meerkat-foot--answerer (session)
  "Return who answers in SESSION, as a sentence has it."
  (let ((name (meerkat-session-speaker session)))
    (if (equal name "Assistant") "the model" name)))

(defun meerkat-foot--problem (session)
  "Return what is wrong with SESSION or with the server."
  (let ((problem (or meerkat-connection-problem (meerkat-session-problem session))))
    (concat (if problem (propertize (concat "✗ " problem "\n") 'face 'meerkat-failure) "")
            (if (meerkat-session-archived session)
                (propertize "This session is archived; M-x meerkat-unarchive takes it back.\n"
                            'face 'meerkat-note)
              ""))))

(defun meerkat-foot--waiting (item)
  "Return ITEM of a queue as a line."
  (concat
   (propertize (format "⧖ %s: %s  " (if (eq (plist-get item :steer) t) "will be added" "next")
                       (truncate-string-to-width
                        (replace-regexp-in-string "[[:space:]]+" " " (plist-get item :prompt))
                        meerkat-foot--prompt-width nil nil "…"))
               'face 'meerkat-note)
   (make-text-button "[take back]" nil
                     'action (lambda (_button) (funcall meerkat-foot-dequeue-function item))
                     'face 'meerkat-button
                     'help-echo "Put this prompt back where it can be edited")
   "\n"))

(defun meerkat-foot--activity (session)
  "Return whether a turn of SESSION is running, and what can be done about it."
  (let ((keys "RET queues, M-RET adds to the answer, C-c C-c stops"))
    (cond ((meerkat-session-stopping session)
           (propertize "◌ stopping…\n" 'face 'meerkat-note))
          ((meerkat-session-approvals session)
           (propertize "  press a digit, or RET on an answer\n" 'face 'meerkat-note))
          ((meerkat-session-running session)
           (propertize (format "● answering — %s\n" keys) 'face 'meerkat-note))
          (t ""))))

(provide 'meerkat-foot)
;;; meerkat-foot.el ends here
