;;; meerkat-compose.el --- Prompts are written and sent  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; What is written below a chat is a draft until the server has accepted it, and
;; comes back when it hasn't.  Ids of our own make a prompt that is sent again
;; after a crash the same prompt.

;;; Code:

(require 'seq)
(require 'subr-x)
(require 'meerkat-buffer)
(require 'meerkat-draft)
(require 'meerkat-feed)
(require 'meerkat-foot)
(require 'meerkat-mention)
(require 'meerkat-session)
(require 'meerkat-storage)
(require 'meerkat-uuid)

;;;; Sending

(defun meerkat-send ()
  "Send what is written; while a turn is running, let it wait for that one's end."
  (interactive)
  (meerkat-compose--send #'meerkat-compose--start))

(defun meerkat-steer ()
  "Add what is written to the turn that is running; without one, send it."
  (interactive)
  (meerkat-compose--send #'meerkat-compose--steer))

(defun meerkat-compose--send (how)
  "Take what is written and send it by HOW."
  (let ((text (string-trim (meerkat-buffer-prompt-text))))
    (if (string-empty-p text)
        (message "meerkat: there is nothing to send; write something first")
      (push text meerkat-draft-unsent)
      (meerkat-buffer-set-prompt-text "")
      (meerkat-draft-keep)
      (setq meerkat-draft-history-place nil)
      (meerkat-compose-submit meerkat-buffer-session text how))))

(defun meerkat-compose-submit (session text &optional how)
  "Send TEXT to SESSION by HOW; the session is created if need be."
  (let ((turn (meerkat-uuid))
        (how (or how #'meerkat-compose--start)))
    (setf (meerkat-session-problem session) nil)
    (if (meerkat-session-exists session)
        (funcall how session text turn)
      (push (lambda () (funcall how session text turn)) (meerkat-session-creating session))
      (unless (cdr (meerkat-session-creating session))
        (meerkat-compose--create session text)))))

(defun meerkat-compose--create (session text)
  "Create SESSION on the server, named after TEXT, and send what waits for it."
  (meerkat-request
   "session/create"
   `( :session_id ,(meerkat-session-id session) :initial_turn "deferred" :prompt ,text
      :cwd ,(directory-file-name (meerkat-session-cwd session))
      ,@(and (meerkat-session-model session) (list :model (meerkat-session-model session))))
   :repeat t
   :catch (lambda (failure)
            (setf (meerkat-session-creating session) nil)
            (meerkat-compose--refused session text failure))
   :then (lambda (_result) (meerkat-compose--created session))))

(defun meerkat-compose--created (session)
  "Follow SESSION, which the server has now, and send what waited for that."
  (setf (meerkat-session-exists session) t)
  (meerkat-storage-keep-draft (meerkat-session-cwd session) "")
  (meerkat-feed-follow session)
  (meerkat-session-read session)
  (let ((waiting (nreverse (meerkat-session-creating session))))
    (setf (meerkat-session-creating session) nil)
    (mapc #'funcall waiting)))

(defun meerkat-compose--start (session text turn)
  "Start TURN of SESSION with TEXT, or let it wait while another is running."
  (if (meerkat-session-running session)
      (meerkat-compose--enqueue session text turn)
    (meerkat-compose--request
     "turn/start" session text turn '(:wait :json-false)
     (lambda (_result) (meerkat-compose--accepted session text))
     '("SESSION_BUSY" . meerkat-compose--enqueue))))

(defun meerkat-compose--enqueue (session text turn)
  "Let TEXT wait as TURN for the end of the turn that is running in SESSION."
  (meerkat-compose--request
   "turn/enqueue" session text turn nil
   (lambda (result)
     (meerkat-compose--accepted session text)
     (when (or (meerkat-session-running session) (> (plist-get result :position) 0))
       (meerkat-session-enqueue session turn text nil)))))

(defun meerkat-compose--steer (session text turn)
  "Add TEXT, as TURN, to the running turn of SESSION; without one, start it."
  (if (not (meerkat-session-running session))
      (meerkat-compose--start session text turn)
    (meerkat-compose--request
     "turn/steer" session text turn nil
     (lambda (_result)
       (meerkat-compose--accepted session text)
       (meerkat-session-enqueue session turn text t))
     '("SESSION_NOT_RUNNING" . meerkat-compose--start))))

(defun meerkat-compose--request (method session text turn more then &optional otherwise)
  "Send METHOD for TEXT as TURN of SESSION, with MORE parameters; THEN is called.
OTHERWISE: the code of an error, and what to do instead."
  (meerkat-request
   method
   (append (list :session_id (meerkat-session-id session) :turn_id turn
                 :prompt (meerkat-mention-content text (or (meerkat-session-cwd session) default-directory)))
           more)
   :repeat t
   :then then
   :catch (lambda (failure)
            (let ((code (meerkat-request-error-code failure)))
              (cond ((and otherwise (equal code (car otherwise)))
                     (funcall (cdr otherwise) session text turn))
                    ;; It was accepted before a crash, and the crash ended it: the stream shows it.
                    ((equal code "TURN_CANCELLED") (meerkat-compose--accepted session text))
                    (t (meerkat-compose--refused session text failure)))))))

(defun meerkat-compose--accepted (session text)
  "The server has TEXT for SESSION: it is no draft any more."
  (meerkat-storage-add-prompt text)
  (meerkat-storage-keep-last-session (meerkat-session-id session))
  (meerkat-draft-in-buffer session #'meerkat-draft-settled text))

(defun meerkat-compose--refused (session text failure)
  "Give TEXT for SESSION back to the user, with what FAILURE states.
What is wrong with the server as a whole is in the chat already."
  (unless (eq (plist-get failure :code) -1)
    (setf (meerkat-session-problem session) (plist-get failure :message)))
  (meerkat-request-report failure)
  (meerkat-draft-in-buffer session #'meerkat-draft-give-back text)
  (meerkat-draft-in-buffer session #'meerkat-draft-settled text)
  (meerkat-session-changed session))

;;;; Prompts that wait

(defun meerkat-dequeue ()
  "Take the last prompt that waits back, to edit it."
  (interactive)
  (let ((item (car (last (meerkat-session-queue meerkat-buffer-session)))))
    (if item
        (meerkat-compose--dequeue item)
      (message "meerkat: no prompt waits"))))

(defun meerkat-compose--dequeue (item)
  "Take ITEM of the queue back into the prompt."
  (let ((session meerkat-buffer-session)
        (turn (plist-get item :turn_id)))
    (meerkat-request
     "turn/dequeue" (list :session_id (meerkat-session-id session) :turn_id turn)
     :repeat t
     :then (lambda (result)
             (meerkat-session-unqueue session turn)
             (if (eq (plist-get result :removed) t)
                 (meerkat-draft-in-buffer session #'meerkat-draft-give-back (plist-get item :prompt))
               (message "meerkat: too late, it has begun"))))))

(setq meerkat-foot-dequeue-function #'meerkat-compose--dequeue)

;;;; Stopping

;;;###autoload
(defun meerkat-stop ()
  "Stop the turn that is running here, or the only one that is running."
  (interactive)
  (let ((session (or meerkat-buffer-session
                     (seq-find #'meerkat-session-running (meerkat-session-open-ones)))))
    (if (not (and session (meerkat-session-running session)))
        (message (substitute-command-keys "meerkat: no answer is being written (RET sends what you wrote)"))
      (setf (meerkat-session-stopping session) t)
      (meerkat-session-changed session)
      (meerkat-request "turn/interrupt" (list :session_id (meerkat-session-id session))
                       :repeat t
                       :then (lambda (result) (meerkat-compose--told-to-stop session result))
                       :catch (lambda (failure)
                                (setf (meerkat-session-stopping session) nil)
                                (meerkat-session-changed session)
                                (meerkat-request-report failure))))))

(defun meerkat-compose--told-to-stop (session result)
  "SESSION was told to stop: RESULT states whether there was something to stop.
That it did so is told by the turn's last event."
  (unless (eq (plist-get result :interrupted) t)
    (setf (meerkat-session-stopping session) nil)
    (meerkat-session-changed session)))

(provide 'meerkat-compose)
;;; meerkat-compose.el ends here
