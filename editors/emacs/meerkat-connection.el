;;; meerkat-connection.el --- The one server, kept running  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; One server serves all of Emacs.  It is started with the first request, and
;; again, after growing pauses, when it ends by itself.  Requests wait for it;
;; those that may be repeated are sent again, so that nothing is lost.

;;; Code:

(require 'cl-lib)
(require 'project)
(require 'meerkat-settings)
(require 'meerkat-log)
(require 'meerkat-discovery)
(require 'meerkat-wire)

(defconst meerkat-version "0.1.0"
  "Version of this package.")

(defconst meerkat-connection--first-pause 0.25
  "Seconds before the first restart; each further pause is twice as long.")

(defconst meerkat-connection--longest-pause 8
  "Seconds that no pause exceeds.")

(defconst meerkat-connection--failures-allowed 5
  "How often the server may end in a row before we give up.")

(defconst meerkat-connection--good-time 60
  "Seconds after which a running server is taken for a sound one.")

(defconst meerkat-connection--greeting-patience 60
  "Seconds that a program gets to show that it is a server.")

(defconst meerkat-connection--stop-patience 1
  "Seconds that the server gets to save what runs when another takes its place.")

(defvar meerkat-connection-ready-hook nil
  "Hook: the server is there, for the first time or again.")

(defvar meerkat-connection-state-hook nil
  "Hook: `meerkat-connection-state' has changed.")

(defvar meerkat-connection-state 'off
  "One of `off', `starting', `ready', `waiting' (for a restart) and `failed'.")

(defvar meerkat-connection-problem nil
  "Why there is no server, and what to do, as text; nil while there is one.")

(defvar meerkat-connection-info nil
  "What the server said of itself.")

(defvar meerkat-connection-found nil
  "How the server was found: see `meerkat-discovery-find'.")

(defvar meerkat-connection-start-seconds nil
  "How long the last start took, up to the server's first answer.")

(defvar meerkat-connection-last-crash nil
  "When the server last ended by itself, and why: a cons.")

(defvar meerkat-connection--wire nil "The running server.")
(defvar meerkat-connection--requests nil "Unanswered requests, the oldest first.")
(defvar meerkat-connection--failures 0 "How often in a row the server ended.")
(defvar meerkat-connection--since nil "When the server was started.")
(defvar meerkat-connection--attempt 0 "Counts starts: what was found for an earlier one is too late.")
(defvar meerkat-connection--pause nil "The timer of the next start.")
(defvar meerkat-connection--listeners nil "Functions by the method of a notification.")

(cl-defstruct (meerkat-connection--request (:constructor meerkat-connection--make-request))
  "A request until it is answered.  REPEAT: it may be sent twice."
  method params then catch repeat sent timer)

;;;; Requests

(cl-defun meerkat-request (method params &key then catch repeat timeout)
  "Send METHOD with PARAMS, a plist, to the server, which is started if need be.
THEN is called with the result, CATCH with an error: a plist of :code,
:message and :data.  With REPEAT it is sent again when the server died.
After TIMEOUT seconds without an answer it fails; nil means never."
  (let ((request (meerkat-connection--make-request
                  :method method :params params :repeat repeat
                  :then (or then #'ignore)
                  :catch (or catch #'meerkat-connection-report))))
    (setq meerkat-connection--requests (append meerkat-connection--requests (list request)))
    (when timeout
      (setf (meerkat-connection--request-timer request)
            (run-with-timer timeout nil #'meerkat-connection--time-out request timeout)))
    (if (eq meerkat-connection-state 'ready)
        (meerkat-connection--send request)
      (meerkat-connection-ensure))))

(defun meerkat-connection-report (failure)
  "Tell the user of FAILURE, an error as a plist."
  (message "meerkat: %s" (plist-get failure :message)))

(defun meerkat-connection-error-code (failure)
  "Return FAILURE's stable code, a string, or nil."
  (plist-get (plist-get failure :data) :code))

(defun meerkat-connection--send (request)
  "Write REQUEST to the server."
  (let ((wire meerkat-connection--wire))
    (setf (meerkat-connection--request-sent request) t)
    (condition-case failure
        (meerkat-wire-call
         wire (meerkat-connection--request-method request) (meerkat-connection--request-params request)
         (lambda (result)
           (meerkat-connection--settle request (meerkat-connection--request-then request) result))
         (lambda (failure) (meerkat-connection--refused request wire failure)))
      (error (cond ((meerkat-wire-paused-p wire) (meerkat-connection--send-later request))
                   ((not (meerkat-connection--lost-p wire))
                    (meerkat-connection--fail request (error-message-string failure))))))))

(defun meerkat-connection--send-later (request)
  "Write REQUEST later, to a server that somebody has stopped for now."
  (setf (meerkat-connection--request-sent request) nil)
  (run-with-timer meerkat-connection--first-pause nil
                  (lambda ()
                    (when (and (memq request meerkat-connection--requests)
                               (not (meerkat-connection--request-sent request))
                               (eq meerkat-connection-state 'ready))
                      (meerkat-connection--send request)))))

(defun meerkat-connection--lost-p (wire)
  "Return non-nil if WIRE has ended, and its requests wait to be sorted."
  (not (meerkat-wire-live-p wire)))

(defun meerkat-connection--refused (request wire failure)
  "Take FAILURE as the answer to REQUEST, unless it means that WIRE has ended."
  (unless (and (eq (plist-get failure :code) -1) (meerkat-connection--lost-p wire))
    (meerkat-connection--settle request (meerkat-connection--request-catch request) failure)))

(defun meerkat-connection--settle (request function value)
  "Forget REQUEST and call FUNCTION with VALUE, unless it is forgotten already."
  (when (memq request meerkat-connection--requests)
    (setq meerkat-connection--requests (delq request meerkat-connection--requests))
    (when (meerkat-connection--request-timer request)
      (cancel-timer (meerkat-connection--request-timer request)))
    (meerkat-wire-guard (meerkat-connection--request-method request) function value)))

(defun meerkat-connection--fail (request message)
  "Settle REQUEST with an error that states MESSAGE."
  (meerkat-connection--settle request (meerkat-connection--request-catch request)
                              (list :code -1 :message message)))

(defun meerkat-connection--time-out (request seconds)
  "Settle REQUEST, which had no answer for SECONDS."
  (meerkat-connection--fail
   request (format "no answer to %s in %d s; M-x meerkat-restart starts the server anew"
                   (meerkat-connection--request-method request) seconds)))

;;;; Notifications

(defun meerkat-connection-listen (method function)
  "Have FUNCTION called with the params of each notification METHOD."
  (setf (alist-get method meerkat-connection--listeners nil nil #'equal) function))

(defun meerkat-connection--notified (method params)
  "Hand PARAMS to who listens for METHOD; what nobody listens for is dropped."
  (when-let ((function (alist-get method meerkat-connection--listeners nil nil #'equal)))
    (funcall function params)))

;;;; Starting

(defun meerkat-connection-ensure ()
  "Start the server unless it is running, or is about to."
  (when (memq meerkat-connection-state '(off failed))
    (setq meerkat-connection--failures 0)
    (meerkat-connection--start)))

(defun meerkat-connection--start ()
  "Find the server and start it."
  (meerkat-connection--become 'starting)
  (let ((default-directory (meerkat-connection-folder))
        (attempt (cl-incf meerkat-connection--attempt)))
    (meerkat-discovery-find
     (lambda (found)
       (when (and (= attempt meerkat-connection--attempt) (eq meerkat-connection-state 'starting))
         (setq meerkat-connection-found found)
         (if (plist-get found :error)
             (meerkat-connection--give-up (plist-get found :error))
           (meerkat-connection--launch (plist-get found :command))))))))

(defun meerkat-connection-folder ()
  "Return the folder that we work in, never a remote one.
It is the project's where there is one, else the buffer's."
  (let* ((project (and (not (file-remote-p default-directory)) (project-current)))
         (folder (if project (project-root project) default-directory)))
    (if (or (file-remote-p folder) (not (file-directory-p folder)))
        (expand-file-name "~/")
      (expand-file-name folder))))

(defun meerkat-connection--launch (command)
  "Run COMMAND as our server."
  (let ((words (append command '("serve") meerkat-server-arguments)))
    (meerkat-log "starting %s" (combine-and-quote-strings words))
    (setq meerkat-connection--since (float-time))
    (condition-case failure
        (progn
          (setq meerkat-connection--wire
                (meerkat-wire-open words (meerkat-connection-folder) meerkat-server-environment
                                   #'meerkat-connection--notified #'meerkat-connection--ended))
          (meerkat-connection--initialize meerkat-connection--wire))
      (error (meerkat-connection--give-up
              (format "%s can't be started: %s" (car words) (error-message-string failure)))))))

(defun meerkat-connection--initialize (wire)
  "Introduce ourselves to WIRE."
  (meerkat-wire-call
   wire "initialize"
   (list :client_info (list :name "emacs" :version meerkat-version)
         :process_id (emacs-pid)
         :capabilities '(:prepare t :session_events :json-false :session_changes t))
   (lambda (result)
     (setq meerkat-connection-info result
           meerkat-connection-start-seconds (- (float-time) meerkat-connection--since))
     (meerkat-connection--begin))
   (lambda (failure)
     (unless (meerkat-connection--lost-p wire)
       (meerkat-connection--no-server (plist-get failure :message)))))
  (run-with-timer meerkat-connection--greeting-patience nil
                  (lambda ()
                    (when (and (eq wire meerkat-connection--wire)
                               (eq meerkat-connection-state 'starting))
                      (meerkat-connection--no-server
                       (format "no answer in %d s" meerkat-connection--greeting-patience))))))

(defun meerkat-connection--no-server (reason)
  "What was started is no server, as REASON reports: end it and say so."
  (let ((wire meerkat-connection--wire))
    (setq meerkat-connection--wire nil)
    (meerkat-wire-forget wire)
    (meerkat-wire-close wire 0)
    (meerkat-connection--give-up
     (format "%s doesn't answer as meerkat-rpc does: %s"
             (combine-and-quote-strings (plist-get meerkat-connection-found :command)) reason))))

(defun meerkat-connection--begin ()
  "Send what waited for the server."
  (meerkat-connection--become 'ready)
  (run-hooks 'meerkat-connection-ready-hook)
  (dolist (request meerkat-connection--requests)
    (unless (meerkat-connection--request-sent request)
      (meerkat-connection--send request))))

(defun meerkat-connection--become (state &optional problem)
  "Note STATE, and the PROBLEM if there is one."
  (setq meerkat-connection-state state
        meerkat-connection-problem problem)
  (run-hooks 'meerkat-connection-state-hook))

;;;; Ending

(defun meerkat-connection--ended (reason)
  "The server ended by itself: tell why, REASON, and start another."
  (setq meerkat-connection--wire nil
        meerkat-connection-last-crash (cons (current-time) reason))
  (when (> (- (float-time) meerkat-connection--since) meerkat-connection--good-time)
    (setq meerkat-connection--failures 0))
  (cl-incf meerkat-connection--failures)
  (meerkat-log "the server ended: %s" reason)
  (meerkat-connection--sort-requests reason)
  (if (< meerkat-connection--failures meerkat-connection--failures-allowed)
      (meerkat-connection--pause reason)
    (meerkat-connection--give-up
     (format "The server ended %d times in a row (%s).  M-x meerkat-log-show says more, M-x meerkat-restart tries again."
             meerkat-connection--failures reason)))
  (meerkat-run-hook 'meerkat-server-crashed-functions reason))

(defun meerkat-connection--pause (reason)
  "Start the server again after a while; it ended for REASON."
  (let ((pause (min meerkat-connection--longest-pause
                    (* meerkat-connection--first-pause
                       (expt 2 (1- meerkat-connection--failures))))))
    (when (= meerkat-connection--failures 1)
      (message "meerkat: the server ended (%s) and is started again; M-x meerkat-log-show says more" reason))
    (meerkat-connection--become 'waiting (format "the server ended (%s); starting again…" reason))
    (setq meerkat-connection--pause (run-with-timer pause nil #'meerkat-connection--start))))

(defun meerkat-connection--sort-requests (reason)
  "Keep the requests that may be repeated; fail the others with REASON."
  (dolist (request (copy-sequence meerkat-connection--requests))
    (cond ((not (meerkat-connection--request-sent request)))
          ((meerkat-connection--request-repeat request)
           (setf (meerkat-connection--request-sent request) nil))
          (t (meerkat-connection--fail request (format "the server ended (%s)" reason))))))

(defun meerkat-connection--give-up (problem)
  "There is no server, because of PROBLEM: tell it, and fail what waits."
  (meerkat-log "%s" problem)
  (meerkat-connection--become 'failed problem)
  (message "meerkat: %s" problem)
  (dolist (request (copy-sequence meerkat-connection--requests))
    (meerkat-connection--fail request problem)))

(defun meerkat-connection-stop (&optional patience)
  "End the server, which gets PATIENCE seconds, and don't start another."
  (when meerkat-connection--pause (cancel-timer meerkat-connection--pause))
  (when-let ((wire meerkat-connection--wire))
    (setq meerkat-connection--wire nil)
    (meerkat-wire-forget wire)
    (meerkat-wire-close wire (or patience 0)))
  (meerkat-connection--sort-requests "stopped")
  (meerkat-connection--become 'off))

;;;###autoload
(defun meerkat-restart ()
  "Start the server anew.  What is running is interrupted and saved."
  (interactive)
  (meerkat-connection-stop meerkat-connection--stop-patience)
  (meerkat-connection-ensure)
  (message "meerkat: the server is started anew"))

(defun meerkat-connection--exit ()
  "Start no other server as Emacs exits.
Emacs hangs up on its processes then, and a server that is hung up on
saves what is running.  It can't be waited for here: where the terminal
is gone, Emacs 28.2 never comes back from waiting for a process."
  (when meerkat-connection--pause (cancel-timer meerkat-connection--pause))
  (when-let ((wire meerkat-connection--wire))
    (setq meerkat-connection--wire nil)
    (meerkat-wire-forget wire)))

(add-hook 'kill-emacs-hook #'meerkat-connection--exit)

(provide 'meerkat-connection)
;;; meerkat-connection.el ends here
