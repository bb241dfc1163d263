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
(require 'meerkat-request)
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
(defvar meerkat-connection--failures 0 "How often in a row the server ended.")
(defvar meerkat-connection--since nil "When the server was started.")
(defvar meerkat-connection--attempt 0 "Counts starts: what was found for an earlier one is too late.")
(defvar meerkat-connection--pause nil "The timer of the next start.")

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
        (setq meerkat-connection--wire
              (meerkat-wire-open words (meerkat-connection-folder) meerkat-server-environment
                                 #'meerkat-request-notified #'meerkat-connection--ended))
      (error (meerkat-connection--give-up
              (format "%s can't be started: %s" (car words) (error-message-string failure)))))
    ;; A program that ended at once can't be written to; its end is told by itself.
    (when (meerkat-wire-live-p meerkat-connection--wire)
      (ignore-errors (meerkat-connection--initialize meerkat-connection--wire)))))

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
     (unless (meerkat-request-lost-p wire)
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
    (setq meerkat-connection--wire nil
          meerkat-request-wire nil)
    (meerkat-wire-forget wire)
    (meerkat-wire-close wire 0)
    (meerkat-connection--give-up
     (format "%s doesn't answer as meerkat-rpc does: %s"
             (combine-and-quote-strings (plist-get meerkat-connection-found :command)) reason))))

(defun meerkat-connection--begin ()
  "Send what waited for the server."
  (setq meerkat-request-wire meerkat-connection--wire)
  (meerkat-connection--become 'ready)
  (run-hooks 'meerkat-connection-ready-hook)
  (meerkat-request-send-waiting))

(defun meerkat-connection--become (state &optional problem)
  "Note STATE, and the PROBLEM if there is one."
  (setq meerkat-connection-state state
        meerkat-connection-problem problem)
  (run-hooks 'meerkat-connection-state-hook))

;;;; Ending

(defun meerkat-connection--ended (wire reason)
  "WIRE ended by itself, for REASON.
That matters only while it is our server: one that was given up has a
successor, which must not be lost."
  (when (eq wire meerkat-connection--wire)
    (meerkat-connection--crashed reason)))

(defun meerkat-connection--crashed (reason)
  "The server ended by itself: tell why, REASON, and start another."
  (setq meerkat-connection--wire nil
        meerkat-request-wire nil
        meerkat-connection-last-crash (cons (current-time) reason))
  (when (> (- (float-time) meerkat-connection--since) meerkat-connection--good-time)
    (setq meerkat-connection--failures 0))
  (cl-incf meerkat-connection--failures)
  (meerkat-log "the server ended: %s" reason)
  (meerkat-request-sort reason)
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
    (when meerkat-connection--pause (cancel-timer meerkat-connection--pause))
    (setq meerkat-connection--pause (run-with-timer pause nil #'meerkat-connection--start))))

(defun meerkat-connection--give-up (problem)
  "There is no server, because of PROBLEM: tell it, and fail what waits."
  (meerkat-log "%s" problem)
  (meerkat-connection--become 'failed problem)
  (message "meerkat: %s" problem)
  (meerkat-request-fail-all problem))

(defun meerkat-connection-stop (&optional patience)
  "End the server, which gets PATIENCE seconds, and don't start another."
  (when meerkat-connection--pause (cancel-timer meerkat-connection--pause))
  (when-let ((wire meerkat-connection--wire))
    (setq meerkat-connection--wire nil
          meerkat-request-wire nil)
    (meerkat-wire-forget wire)
    (meerkat-wire-close wire (or patience 0)))
  (meerkat-request-sort "stopped")
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
    (setq meerkat-connection--wire nil
          meerkat-request-wire nil)
    (meerkat-wire-forget wire)))

(add-hook 'kill-emacs-hook #'meerkat-connection--exit)

(setq meerkat-request-wanted-function #'meerkat-connection-ensure)

(provide 'meerkat-connection)
;;; meerkat-connection.el ends here
