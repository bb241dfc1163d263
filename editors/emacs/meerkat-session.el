;;; meerkat-session.el --- What is known of sessions  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; The sessions that are open here, and how each event changes what is known of
;; them.  Nothing here knows of buffers: who shows a session is told through
;; `meerkat-session-changed-functions'.

;;; Code:

(require 'cl-lib)
(require 'seq)
(require 'meerkat-settings)
(require 'meerkat-connection)
(require 'meerkat-uuid)

(cl-defstruct (meerkat-session (:constructor meerkat-session--make))
  "A session that is open here.
EXISTS: the server has it; CREATING: what to do then.  RUNNING: the turn that runs.  STOPPING: it was
told to stop.  QUEUE: prompts that wait, plists of :turn_id, :prompt and
:steer.  APPROVALS: questions that wait, as the server lists them.  SEQ:
of the last event that came.  STREAM: the server's name for its events,
`opening' until it is known; STALE: the one before, whose events are late.
INCOMING and READY: events not yet shown, the latest and the earliest
first.  SHOW: called with each event; AROUND: called with a function that
shows several.  BUFFER shows it.  PROBLEM: why it can't be shown."
  id exists creating title cwd model archived running stopping queue approvals
  (seq 0) stream stale incoming ready show around buffer problem)

(defvar meerkat-session--all (make-hash-table :test #'equal)
  "The open sessions by their ids.")

(defvar meerkat-session-changed-functions nil
  "Functions called with a session of which something changed.")

(defvar meerkat-session-default-model nil
  "The server's default model, once it is known.")

;;;; Finding

(defun meerkat-session-find (id)
  "Return the open session ID, or nil."
  (gethash id meerkat-session--all))

(defun meerkat-session-take (id)
  "Return the session ID of the server's, which is open from now on."
  (or (meerkat-session-find id)
      (puthash id (meerkat-session--make :id id :exists t) meerkat-session--all)))

(defun meerkat-session-new (cwd)
  "Return a new session in the folder CWD, of which the server doesn't know yet."
  (let ((id (meerkat-uuid)))
    (puthash id (meerkat-session--make :id id :cwd cwd :model meerkat-model) meerkat-session--all)))

(defun meerkat-session-drop (session)
  "Forget SESSION."
  (remhash (meerkat-session-id session) meerkat-session--all)
  (meerkat-session-changed session))

(defun meerkat-session-open-ones ()
  "Return the open sessions."
  (hash-table-values meerkat-session--all))

(defun meerkat-session-changed (session)
  "Tell everybody that something of SESSION changed."
  (run-hook-with-args 'meerkat-session-changed-functions session))

(defun meerkat-session-name (session)
  "Return what to call SESSION."
  (let ((title (meerkat-session-title session)))
    (if (or (null title) (string-blank-p title)) "new chat" title)))

(defun meerkat-session--learn-default ()
  "Ask the server which model answers where a session names none."
  (meerkat-request "models/catalog" nil
                   :repeat t
                   :catch #'ignore
                   :then (lambda (result)
                           (setq meerkat-session-default-model (plist-get result :default_model))
                           (mapc #'meerkat-session-changed (meerkat-session-open-ones)))))

(add-hook 'meerkat-connection-ready-hook #'meerkat-session--learn-default)

(defun meerkat-session-speaker (session)
  "Return the name of the model that answers in SESSION."
  (or (meerkat-session-model session) meerkat-session-default-model "Assistant"))

(defun meerkat-session-status (session)
  "Return SESSION's state: `idle', `busy', `needs-you' or `offline'."
  (cond ((memq meerkat-connection-state '(waiting failed)) 'offline)
        ((meerkat-session-approvals session) 'needs-you)
        ((meerkat-session-running session) 'busy)
        (t 'idle)))

;;;; What the server says of a session

(defun meerkat-session-read (session &optional then)
  "Ask the server about SESSION, and call THEN with its view, a plist."
  (meerkat-request "session/read" (list :session_id (meerkat-session-id session))
                   :repeat t
                   :catch #'ignore
                   :then (lambda (view)
                           (meerkat-session--describe session view)
                           (when then (funcall then view)))))

(defun meerkat-session--describe (session view)
  "Take over into SESSION what VIEW, the server's, states."
  (setf (meerkat-session-title session) (plist-get view :title)
        (meerkat-session-cwd session) (or (plist-get view :cwd) (meerkat-session-cwd session))
        (meerkat-session-model session) (plist-get view :model)
        (meerkat-session-archived session) (eq (plist-get view :archived) t)
        (meerkat-session-queue session) (append (plist-get view :queue) nil))
  (meerkat-session-changed session))

(defun meerkat-session-read-approvals (session)
  "Ask the server what waits for an answer in SESSION."
  (meerkat-request "approval/list" (list :session_id (meerkat-session-id session))
                   :repeat t
                   :catch #'ignore
                   :then (lambda (result)
                           (meerkat-session--take-approvals
                            session (append (plist-get result :approvals) nil)))))

(defun meerkat-session--take-approvals (session approvals)
  "Note that APPROVALS, as the server lists them, wait in SESSION."
  (setf (meerkat-session-approvals session) approvals)
  (meerkat-session-changed session))

;;;; What events change

(defun meerkat-session-apply (session message)
  "Change SESSION as MESSAGE states: an event with its turn and time."
  (let ((event (plist-get message :event))
        (turn (plist-get message :turn_id)))
    (pcase (plist-get event :type)
      ("run_started" (meerkat-session--began session turn))
      ("run_completed" (meerkat-session--ended session turn 'completed))
      ("run_failed" (meerkat-session--ended session turn (meerkat-session--outcome event)))
      ("steered" (meerkat-session-unqueue session (plist-get event :id)))
      ("approval_requested" (meerkat-session--asked session turn event))
      ("approval_resolved" (meerkat-session--answered session event)))))

(defun meerkat-session--outcome (event)
  "Return how the run ended whose failure EVENT reports of."
  (if (member (plist-get event :reason) '("cancelled" "host_exit")) 'interrupted 'failed))

(defun meerkat-session--began (session turn)
  "Note that TURN is running in SESSION."
  (setf (meerkat-session-running session) turn)
  (meerkat-session-unqueue session turn)
  (meerkat-run-hook 'meerkat-turn-started-functions (meerkat-session-id session) turn))

(defun meerkat-session--ended (session turn outcome)
  "Note that TURN of SESSION ended with OUTCOME."
  (setf (meerkat-session-running session) nil
        (meerkat-session-stopping session) nil
        (meerkat-session-approvals session) nil)
  (meerkat-session-changed session)
  (meerkat-session-read session)
  (meerkat-run-hook 'meerkat-turn-ended-functions (meerkat-session-id session) turn outcome))

(defun meerkat-session--asked (session turn event)
  "Note that EVENT, of TURN of SESSION, asks something."
  (let ((id (plist-get event :approval_id)))
    (unless (meerkat-session-approval session id)
      (setf (meerkat-session-approvals session)
            (append (meerkat-session-approvals session)
                    (list (append event (list :session_id (meerkat-session-id session) :turn_id turn)))))
      (meerkat-session-changed session))
    (meerkat-session-read-approvals session)
    (meerkat-run-hook 'meerkat-approval-requested-functions
                      (meerkat-session-id session) id (plist-get event :summary))))

(defun meerkat-session--answered (session event)
  "Note that somebody answered what EVENT names, in SESSION."
  (let ((id (plist-get event :approval_id)))
    (setf (meerkat-session-approvals session)
          (seq-remove (lambda (approval) (equal (plist-get approval :approval_id) id))
                      (meerkat-session-approvals session)))
    (meerkat-session-changed session)
    (meerkat-run-hook 'meerkat-approval-resolved-functions
                      (meerkat-session-id session) id (plist-get event :choice))))

(defun meerkat-session-approval (session id)
  "Return the question ID that waits in SESSION, or nil."
  (seq-find (lambda (approval) (equal (plist-get approval :approval_id) id))
            (meerkat-session-approvals session)))

;;;; Prompts that wait

(defun meerkat-session-enqueue (session turn prompt steer)
  "Note that PROMPT waits in SESSION as TURN; STEER: for the running turn."
  (unless (equal turn (meerkat-session-running session))
    (setf (meerkat-session-queue session)
          (append (meerkat-session-queue session)
                  (list (list :turn_id turn :prompt prompt :steer (if steer t :json-false)))))
    (meerkat-session-changed session)))

(defun meerkat-session-unqueue (session turn)
  "Note that what waited in SESSION as TURN waits no longer."
  (setf (meerkat-session-queue session)
        (seq-remove (lambda (item) (equal (plist-get item :turn_id) turn))
                    (meerkat-session-queue session)))
  (meerkat-session-changed session))

(provide 'meerkat-session)
;;; meerkat-session.el ends here
