;;; meerkat-wire.el --- One server process and its messages  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; A thin layer over jsonrpc.el: it starts the process, keeps errors of callbacks
;; away from the process filter, and shows messages to the log.  jsonrpc.el's
;; own time-outs are not used: an answer that came after one would be an error
;; in Emacs 28's filter.

;;; Code:

(require 'cl-lib)
(require 'jsonrpc)
(require 'meerkat-log)
(require 'subr-x)

(defconst meerkat-wire--last-words 0.05
  "Seconds between a server's end and our taking note, in which stderr is read.")

(defvar meerkat-wire--count 0
  "Counts servers: jsonrpc.el calls buffers after them, which must not be shared.")

(defclass meerkat-wire (jsonrpc-process-connection)
  ((stderr :initarg :stderr :documentation "The process that reads what it complains of.")
   (forgotten :initform nil :documentation "Whether its end is no news."))
  :documentation "A running server.")

(defun meerkat-wire-open (command directory environment on-notification on-end)
  "Start the server COMMAND in DIRECTORY with ENVIRONMENT added to ours.
ON-NOTIFICATION is called with a method, a string, and its params;
ON-END, once the process has ended, with what this function returned and
the reason, as text."
  (let* ((default-directory directory)
         (process-environment (append environment process-environment))
         (stderr (make-pipe-process :name "meerkat-stderr" :noquery t
                                    :buffer (generate-new-buffer " *meerkat-stderr*")
                                    :filter (meerkat-wire--line-logger)
                                    :sentinel #'ignore))
         (process (make-process :name "meerkat" :command command :noquery t
                                :connection-type 'pipe :coding 'utf-8-emacs-unix
                                :stderr stderr)))
    (meerkat-wire--connect process stderr on-notification on-end)))

(defun meerkat-wire--connect (process stderr on-notification on-end)
  "Return a connection over PROCESS, whose complaints STDERR asks.
ON-NOTIFICATION and ON-END are as in `meerkat-wire-open'."
  (let ((connection
         (make-instance 'meerkat-wire
                        :name (format "meerkat-%d" (cl-incf meerkat-wire--count)) :process process :stderr stderr
                        :events-buffer-scrollback-size 0
                        :request-dispatcher #'meerkat-wire--refuse
                        :notification-dispatcher
                        (lambda (_connection method params)
                          (meerkat-wire--received (symbol-name method) params on-notification))
                        :on-shutdown
                        (lambda (connection) (meerkat-wire--ended connection on-end)))))
    (add-function :around (process-sentinel process) #'meerkat-wire--quietly)
    connection))

(defun meerkat-wire--quietly (sentinel process change)
  "Call SENTINEL with PROCESS and CHANGE without its message in the echo area.
How the process ended is noted first: jsonrpc.el deletes it."
  (process-put process 'meerkat-status (process-status process))
  (let ((inhibit-message t)
        (message-log-max nil))
    (funcall sentinel process change)))

(defun meerkat-wire--line-logger ()
  "Return a filter that logs a process's output line by line."
  (let ((rest ""))
    (lambda (_process output)
      (let ((lines (split-string (concat rest output) "\n")))
        (setq rest (car (last lines)))
        (dolist (line (butlast lines))
          (meerkat-log "server: %s" line))))))

;;;; What comes in

(defun meerkat-wire--received (method params on-notification)
  "Hand the notification METHOD with PARAMS to ON-NOTIFICATION, whatever that does."
  (meerkat-log-message "←" (list :method method :params params))
  (meerkat-wire-guard method on-notification method params))

(defun meerkat-wire--refuse (_connection method _params)
  "Refuse the request METHOD: nothing is lent to the server."
  (jsonrpc-error :code -32601 :message (format "Emacs has no method %s" method)))

(defun meerkat-wire-guard (what function &rest arguments)
  "Call FUNCTION with ARGUMENTS.
Its errors are logged, with WHAT it was about, and go no further."
  (condition-case failure
      (apply function arguments)
    (error (meerkat-log "error in %s: %s" what (error-message-string failure))
           (message "meerkat: %s (M-x meerkat-log-show)" (error-message-string failure)))))

(defun meerkat-wire--ended (connection on-end)
  "Call ON-END with the reason why CONNECTION's process ended, and tidy up.
A little later, when the last words on stderr have come and no message is
inhibited any more."
  (let* ((process (jsonrpc--process connection))
         (status (process-exit-status process))
         (reason (if (eq (process-get process 'meerkat-status) 'signal)
                     (format "killed by signal %d" status)
                   (format "exit code %d" status))))
    (run-with-timer meerkat-wire--last-words nil
                    (lambda ()
                      (meerkat-wire--tidy connection)
                      (unless (slot-value connection 'forgotten)
                        (meerkat-wire-guard "the server's end" on-end connection reason))))))

(defun meerkat-wire--tidy (connection)
  "Remove the buffers of CONNECTION and the process that read its complaints."
  (let* ((stderr (slot-value connection 'stderr))
         (buffers (list (process-buffer (jsonrpc--process connection))
                        (jsonrpc-stderr-buffer connection)
                        (process-buffer stderr)
                        (get-buffer (format "*%s events*" (jsonrpc-name connection))))))
    (delete-process stderr)
    (dolist (buffer buffers)
      (when (buffer-live-p buffer)
        (let ((kill-buffer-query-functions nil))
          (kill-buffer buffer))))))

;;;; What goes out

(defun meerkat-wire-call (connection method params then catch)
  "Send METHOD with PARAMS; THEN is called with the result, CATCH with an error.
Both are plists.  CONNECTION's end is an error too: its :code is -1."
  (let ((message (list :method method :params (meerkat-wire--clean params))))
    (meerkat-log-message "→" message)
    (jsonrpc-async-request
     connection (intern method) (plist-get message :params)
     :timeout nil
     :success-fn (lambda (result)
                   (meerkat-log-message "←" (list :answers method :result result))
                   (meerkat-wire-guard method then result))
     :error-fn (lambda (failure)
                 (meerkat-log-message "←" (list :answers method :error failure))
                 (meerkat-wire-guard method catch failure)))))

(defun meerkat-wire--clean (value)
  "Return VALUE, an argument of JSON, with what is no Unicode text replaced."
  (cond ((stringp value) (meerkat-wire--clean-text value))
        ((consp value) (mapcar #'meerkat-wire--clean value))
        ((vectorp value) (vconcat (mapcar #'meerkat-wire--clean value)))
        (t value)))

(defun meerkat-wire--clean-text (text)
  "Return TEXT without properties, its raw bytes and surrogates replaced by U+FFFD."
  (let ((plain (substring-no-properties (string-to-multibyte text))))
    (if (string-match-p "[^\x00-\xd7ff\xe000-\x10ffff]" plain)
        (replace-regexp-in-string "[^\x00-\xd7ff\xe000-\x10ffff]" "\xfffd" plain t t)
      plain)))

(defun meerkat-wire-live-p (connection)
  "Return non-nil while CONNECTION's process is running."
  (and connection (jsonrpc-running-p connection)))

(defun meerkat-wire-paused-p (connection)
  "Return non-nil while CONNECTION's process is stopped, as by a signal."
  (and connection (eq (process-status (jsonrpc--process connection)) 'stop)))

(defun meerkat-wire-pid (connection)
  "Return the process id of CONNECTION."
  (process-id (jsonrpc--process connection)))

(defun meerkat-wire-forget (connection)
  "Let the end of CONNECTION's process be no news: it is wanted."
  (setf (slot-value connection 'forgotten) t))

(defun meerkat-wire-close (connection seconds)
  "Ask CONNECTION's server to end and give it SECONDS to do so."
  (let ((process (jsonrpc--process connection))
        (end (+ (float-time) seconds)))
    (ignore-errors
      (meerkat-wire-call connection "shutdown" nil #'ignore #'ignore)
      (jsonrpc-notify connection 'exit nil)
      (process-send-eof process))
    (while (and (process-live-p process) (< (float-time) end))
      (accept-process-output process 0.05))
    (delete-process process)))

(provide 'meerkat-wire)
;;; meerkat-wire.el ends here
