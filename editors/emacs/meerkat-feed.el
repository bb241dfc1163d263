;;; meerkat-feed.el --- Events of sessions, a frame at a time  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; A session that is open is followed through a stream, which goes on after the
;; last event that came when the server had to be started again.  Events wait
;; for the next frame, in which no more is done than a keystroke can wait for.

;;; Code:

(require 'cl-lib)
(require 'meerkat-session)

(defconst meerkat-feed--frame 0.033
  "Seconds between two frames.")

(defconst meerkat-feed--budget 0.010
  "Seconds of work in one frame.")

(defconst meerkat-feed--breath 0.005
  "Seconds until the next frame while there is more to do: keys come first.")

(defconst meerkat-feed--run-limit 8000
  "Characters that deltas are joined to, so that one step stays small.")

(defvar meerkat-feed--timer nil "The timer of the next frame.")

;;;; Opening and closing

(defun meerkat-feed-open (session then)
  "Read the end of SESSION's history and follow it from there.
THEN is called with the history's last page before any event is shown,
once it is known what the session is called and who answers."
  (let (view page)
    (cl-flet ((both () (when (and view page) (meerkat-feed--opened session page then))))
      (meerkat-session-read session (lambda (result) (setq view result) (both)))
      (meerkat-request
       "session/history" (list :session_id (meerkat-session-id session) :latest t
                               :limit meerkat-history-page)
       :repeat t
       :catch (lambda (failure) (meerkat-feed--broken session (plist-get failure :message)))
       :then (lambda (result) (setq page result) (both))))))

(defun meerkat-feed--opened (session page then)
  "Call THEN with PAGE, the end of SESSION's history, and follow what comes next."
  (meerkat-feed--leave-stream session)
  (setf (meerkat-session-problem session) nil
        (meerkat-session-seq session) (1- (plist-get page :next_seq))
        (meerkat-session-running session) (plist-get page :running_turn_id)
        (meerkat-session-incoming session) nil
        (meerkat-session-ready session) nil)
  (funcall then page)
  (meerkat-feed-follow session)
  (meerkat-session-read-approvals session))

(defun meerkat-feed--leave-stream (session)
  "Close the stream of SESSION, if it has one; what still comes from it is late."
  (let ((stream (meerkat-session-stream session)))
    (when (stringp stream)
      (setf (meerkat-session-stale session) stream
            (meerkat-session-stream session) nil)
      (when (eq meerkat-connection-state 'ready)
        (meerkat-request "session/stream_close" (list :stream_id stream) :catch #'ignore)))))

(defun meerkat-feed-follow (session)
  "Have the events of SESSION sent that come after the last one we have."
  (setf (meerkat-session-stream session) 'opening)
  (meerkat-request
   "session/stream_open" (list :session_id (meerkat-session-id session)
                               :from_seq (1+ (meerkat-session-seq session)))
   :catch (lambda (failure)
            (unless (eq (plist-get failure :code) -1)
              (meerkat-feed--broken session (plist-get failure :message))))
   :then (lambda (result)
           (setf (meerkat-session-stream session) (plist-get result :stream_id)))))

(defun meerkat-feed--follow-again ()
  "Follow every open session of a server that was started again."
  (dolist (session (meerkat-session-open-ones))
    (setf (meerkat-session-stale session) nil)
    (when (meerkat-session-stream session)
      (meerkat-feed-follow session)
      (meerkat-session-read-approvals session)
      (meerkat-session-read session))))

(defun meerkat-feed-release (session)
  "Nobody displays SESSION any more: stop following it once no turn is running."
  (setf (meerkat-session-show session) nil
        (meerkat-session-around session) nil
        (meerkat-session-buffer session) nil)
  (unless (meerkat-session-running session)
    (meerkat-feed--close session)))

(defun meerkat-feed--close (session)
  "Stop following SESSION and forget it."
  (meerkat-feed--leave-stream session)
  (meerkat-session-drop session))

(defun meerkat-feed--broken (session problem)
  "Note that SESSION can't be followed, because of PROBLEM."
  (setf (meerkat-session-problem session) problem)
  (meerkat-session-changed session))

;;;; What comes

(defun meerkat-feed--received (message)
  "Keep MESSAGE, an event of a stream, for the next frame; drop what is known."
  (let ((session (meerkat-session-find (plist-get message :session_id)))
        (seq (plist-get message :seq)))
    (when (and session (> seq (meerkat-session-seq session))
               (not (equal (plist-get message :stream_id) (meerkat-session-stale session))))
      (setf (meerkat-session-seq session) seq)
      (push message (meerkat-session-incoming session))
      (meerkat-feed--schedule meerkat-feed--frame))))

(defun meerkat-feed--ended (params)
  "A stream ended, as PARAMS tell: its session is gone."
  (when-let ((session (meerkat-session-find (plist-get params :session_id))))
    (when (equal (plist-get params :stream_id) (meerkat-session-stream session))
      (setf (meerkat-session-stream session) nil
            (meerkat-session-running session) nil)
      (meerkat-feed--broken session (plist-get params :reason)))))

(defun meerkat-feed--schedule (seconds)
  "Show what waits in SECONDS, unless it is to be shown already."
  (unless meerkat-feed--timer
    (setq meerkat-feed--timer (run-with-timer seconds nil #'meerkat-feed--show-frame))))

(defun meerkat-feed--show-frame ()
  "Show events until the frame's time is over."
  (setq meerkat-feed--timer nil)
  (let ((deadline (+ (float-time) meerkat-feed--budget))
        (more nil))
    (dolist (session (meerkat-session-open-ones))
      (meerkat-wire-guard "showing events" #'meerkat-feed--drain session deadline)
      (setq more (or more (meerkat-feed--waiting-p session))))
    (when more (meerkat-feed--schedule meerkat-feed--breath))))

(defun meerkat-feed--waiting-p (session)
  "Return non-nil if events of SESSION are not shown yet."
  (or (meerkat-session-ready session) (meerkat-session-incoming session)))

(defun meerkat-feed--drain (session deadline)
  "Show events of SESSION until DEADLINE, one at least."
  (when (meerkat-feed--waiting-p session)
    (funcall (or (meerkat-session-around session) #'funcall)
             (lambda () (meerkat-feed--work session deadline)))
    (meerkat-feed--close-if-unused session)))

(defun meerkat-feed--work (session deadline)
  "Take events of SESSION, apply and show them, until DEADLINE."
  (let ((going t))
    (while (and going (meerkat-feed--waiting-p session))
      (let ((message (meerkat-feed--next session)))
        (meerkat-session-apply session message)
        (when (meerkat-session-show session)
          (funcall (meerkat-session-show session) message)))
      (setq going (< (float-time) deadline)))))

(defun meerkat-feed--close-if-unused (session)
  "Stop following SESSION if nobody displays it and its turn has ended."
  (unless (or (meerkat-session-buffer session) (meerkat-session-running session)
              (meerkat-feed--waiting-p session))
    (meerkat-feed--close session)))

(defun meerkat-feed--next (session)
  "Take the next event of SESSION; deltas that follow each other are joined."
  (unless (meerkat-session-ready session)
    (setf (meerkat-session-ready session) (nreverse (meerkat-session-incoming session))
          (meerkat-session-incoming session) nil))
  (let ((message (pop (meerkat-session-ready session))))
    (if (meerkat-feed--delta-p message)
        (meerkat-feed--joined session message)
      message)))

(defun meerkat-feed--delta-p (message)
  "Return MESSAGE's type if it is a delta."
  (car (member (plist-get (plist-get message :event) :type) '("text_delta" "reasoning_delta"))))

(defun meerkat-feed--joined (session message)
  "Return MESSAGE, a delta of SESSION, joined with those like it that follow."
  (let* ((type (meerkat-feed--delta-p message))
         (pieces (list (plist-get (plist-get message :event) :delta)))
         (length (length (car pieces)))
         (last message))
    (while (and (< length meerkat-feed--run-limit)
                (equal type (meerkat-feed--delta-p (car (meerkat-session-ready session)))))
      (setq last (pop (meerkat-session-ready session)))
      (push (plist-get (plist-get last :event) :delta) pieces)
      (cl-incf length (length (car pieces))))
    (list :session_id (plist-get last :session_id) :turn_id (plist-get last :turn_id)
          :seq (plist-get last :seq) :timestamp_ms (plist-get message :timestamp_ms)
          :event (list :type type :delta (apply #'concat (nreverse pieces))))))

(meerkat-request-listen "session/stream_event" #'meerkat-feed--received)
(meerkat-request-listen "session/stream_end" #'meerkat-feed--ended)
(add-hook 'meerkat-connection-ready-hook #'meerkat-feed--follow-again)

(provide 'meerkat-feed)
;;; meerkat-feed.el ends here
