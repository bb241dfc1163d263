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
(require 'meerkat-feed)
(require 'meerkat-foot)
(require 'meerkat-mention)
(require 'meerkat-session)
(require 'meerkat-storage)
(require 'meerkat-uuid)

(defconst meerkat-compose--idle 0.5
  "Seconds of idleness after which a draft is kept.")

(defvar-local meerkat-compose--history-place nil
  "Place in the history of prompts that the prompt shows; nil for none.")

(defvar-local meerkat-compose--stash ""
  "What was written before the history was looked at.")

(defvar-local meerkat-compose--unsent nil
  "Prompts that were sent and not accepted yet: still a part of the draft.")

(defvar-local meerkat-compose--timer nil
  "Timer that keeps the draft.")

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
      (push text meerkat-compose--unsent)
      (meerkat-buffer-set-prompt-text "")
      (meerkat-compose--keep-draft)
      (setq meerkat-compose--history-place nil)
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
            (let ((code (meerkat-connection-error-code failure)))
              (cond ((and otherwise (equal code (car otherwise)))
                     (funcall (cdr otherwise) session text turn))
                    ;; It was accepted before a crash, and the crash ended it: the stream shows it.
                    ((equal code "TURN_CANCELLED") (meerkat-compose--accepted session text))
                    (t (meerkat-compose--refused session text failure)))))))

(defun meerkat-compose--accepted (session text)
  "The server has TEXT for SESSION: it is no draft any more."
  (meerkat-storage-add-prompt text)
  (meerkat-storage-keep-last-session (meerkat-session-id session))
  (meerkat-compose--in-buffer session #'meerkat-compose--sent text))

(defun meerkat-compose--sent (text)
  "TEXT was sent, or has come back: it waits for the server no longer."
  (setq meerkat-compose--unsent (remove text meerkat-compose--unsent))
  (meerkat-compose--keep-draft))

(defun meerkat-compose--refused (session text failure)
  "Give TEXT for SESSION back to the user, with what FAILURE states.
What is wrong with the server as a whole is in the chat already."
  (unless (eq (plist-get failure :code) -1)
    (setf (meerkat-session-problem session) (plist-get failure :message)))
  (meerkat-connection-report failure)
  (meerkat-compose--in-buffer session #'meerkat-compose-give-back text)
  (meerkat-compose--in-buffer session #'meerkat-compose--sent text)
  (meerkat-session-changed session))

(defun meerkat-compose--in-buffer (session function &rest arguments)
  "Call FUNCTION with ARGUMENTS in the buffer of SESSION, if it has one."
  (let ((buffer (meerkat-session-buffer session)))
    (when (buffer-live-p buffer)
      (with-current-buffer buffer (apply function arguments)))))

(defun meerkat-compose-give-back (text)
  "Put TEXT before what is written."
  (let ((written (meerkat-buffer-prompt-text)))
    (meerkat-buffer-set-prompt-text
     (if (string-blank-p written) text (concat text "\n\n" written)))))

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
                 (meerkat-compose--in-buffer session #'meerkat-compose-give-back (plist-get item :prompt))
               (message "meerkat: too late, it has begun"))))))

(setq meerkat-foot-dequeue-function #'meerkat-compose--dequeue)

;;;; Drafts

(defun meerkat-compose--draft-key ()
  "Return the key under which this buffer's draft is kept."
  (if (meerkat-session-exists meerkat-buffer-session)
      (meerkat-session-id meerkat-buffer-session)
    (meerkat-session-cwd meerkat-buffer-session)))

(defun meerkat-compose-restore-draft ()
  "Put the draft that was kept for this buffer into the prompt, if that is empty."
  (when (string-empty-p (meerkat-buffer-prompt-text))
    (let ((draft (meerkat-storage-draft (meerkat-compose--draft-key))))
      (unless (string-empty-p draft)
        (meerkat-buffer-set-prompt-text draft)))))

(defun meerkat-compose--keep-draft ()
  "Keep what is written in this buffer."
  (setq meerkat-compose--timer nil)
  (when meerkat-buffer-session
    (meerkat-storage-keep-draft
     (meerkat-compose--draft-key)
     (string-join (reverse (cons (meerkat-buffer-prompt-text) meerkat-compose--unsent)) "\n\n"))))

(defun meerkat-compose--changed (begin _end _length)
  "Keep the draft soon if the change at BEGIN is one of the prompt."
  (when (and (not inhibit-read-only) (>= begin meerkat-buffer-prompt) (not meerkat-compose--timer))
    (setq meerkat-compose--timer
          (run-with-idle-timer meerkat-compose--idle nil #'meerkat-compose--keep-draft-of (current-buffer)))))

(defun meerkat-compose--keep-draft-of (buffer)
  "Keep what is written in BUFFER, if it is still there."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer (meerkat-compose--keep-draft))))

(defun meerkat-compose--keep-all-drafts ()
  "Keep what is written in every chat."
  (dolist (session (meerkat-session-open-ones))
    (meerkat-compose--in-buffer session #'meerkat-compose--keep-draft)))

(add-hook 'kill-emacs-hook #'meerkat-compose--keep-all-drafts)

(defun meerkat-compose-setup ()
  "Let this buffer keep its draft."
  (add-hook 'after-change-functions #'meerkat-compose--changed nil t)
  (add-hook 'kill-buffer-hook #'meerkat-compose--keep-draft nil t))

;;;; The history of prompts

(defun meerkat-previous-prompt (count)
  "Show the prompt that was sent COUNT before the one shown."
  (interactive "p")
  (meerkat-storage-load-prompts)
  (let* ((now (or meerkat-compose--history-place -1))
         (place (+ now count)))
    (when (= now -1) (setq meerkat-compose--stash (meerkat-buffer-prompt-text)))
    (cond ((>= place (length meerkat-storage-prompts)) (message "meerkat: no earlier prompt"))
          ((< place -1) (message "meerkat: no later prompt"))
          (t (meerkat-compose--show-prompt place)))))

(defun meerkat-next-prompt (count)
  "Show the prompt that was sent COUNT after the one shown."
  (interactive "p")
  (meerkat-previous-prompt (- count)))

(defun meerkat-compose--show-prompt (place)
  "Show the prompt at PLACE of the history; at -1, what was written before."
  (setq meerkat-compose--history-place (and (>= place 0) place))
  (meerkat-buffer-set-prompt-text
   (if (>= place 0) (nth place meerkat-storage-prompts) meerkat-compose--stash)))

(defun meerkat-search-prompts ()
  "Pick an earlier prompt and put it into the prompt."
  (interactive)
  (meerkat-storage-load-prompts)
  (if (null meerkat-storage-prompts)
      (message "meerkat: no earlier prompt")
    (meerkat-buffer-set-prompt-text
     (completing-read "Earlier prompt: " meerkat-storage-prompts))))

(provide 'meerkat-compose)
;;; meerkat-compose.el ends here
