;;; meerkat-request.el --- Requests, until they are answered  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Requests wait while there is no server.  When one ends, those that may be
;; repeated are sent to the next, so that nothing is lost.

;;; Code:

(require 'cl-lib)
(require 'meerkat-wire)

(defconst meerkat-request--pause 0.25
  "Seconds until a request is tried again on a server that is stopped for now.")

(defvar meerkat-request-wire nil
  "The server that takes requests; nil while there is none.")

(defvar meerkat-request-wanted-function #'ignore
  "Function that is called when a request waits and there is no server.")

(defvar meerkat-request--items nil "Unanswered requests, the oldest first.")
(defvar meerkat-request--listeners nil "Functions by the method of a notification.")

(cl-defstruct (meerkat-request--item (:constructor meerkat-request--make-item))
  "A request until it is answered.  REPEAT: it may be sent twice."
  method params then catch repeat sent timer)

;;;; Requests

(cl-defun meerkat-request (method params &key then catch repeat timeout)
  "Send METHOD with PARAMS, a plist, to the server, which is started if need be.
THEN is called with the result, CATCH with an error: a plist of :code,
:message and :data.  With REPEAT it is sent again when the server died.
After TIMEOUT seconds without an answer it fails; nil means never."
  (let ((request (meerkat-request--make-item
                  :method method :params params :repeat repeat
                  :then (or then #'ignore)
                  :catch (or catch #'meerkat-request-report))))
    (setq meerkat-request--items (append meerkat-request--items (list request)))
    (when timeout
      (setf (meerkat-request--item-timer request)
            (run-with-timer timeout nil #'meerkat-request--time-out request timeout)))
    (if meerkat-request-wire
        (meerkat-request--send request)
      (funcall meerkat-request-wanted-function))))

(defun meerkat-request-report (failure)
  "Tell the user of FAILURE, an error as a plist."
  (message "meerkat: %s" (plist-get failure :message)))

(defun meerkat-request-error-code (failure)
  "Return FAILURE's stable code, a string, or nil."
  (plist-get (plist-get failure :data) :code))

(defun meerkat-request--send (request)
  "Write REQUEST to the server."
  (let ((wire meerkat-request-wire))
    (setf (meerkat-request--item-sent request) t)
    (condition-case failure
        (meerkat-wire-call
         wire (meerkat-request--item-method request) (meerkat-request--item-params request)
         (lambda (result)
           (meerkat-request--settle request (meerkat-request--item-then request) result))
         (lambda (failure) (meerkat-request--refused request wire failure)))
      (error (cond ((meerkat-wire-paused-p wire) (meerkat-request--send-later request))
                   ((not (meerkat-request-lost-p wire))
                    (meerkat-request--fail request (error-message-string failure))))))))

(defun meerkat-request--send-later (request)
  "Write REQUEST later, to a server that somebody has stopped for now."
  (setf (meerkat-request--item-sent request) nil)
  (run-with-timer meerkat-request--pause nil
                  (lambda ()
                    (when (and (memq request meerkat-request--items)
                               (not (meerkat-request--item-sent request))
                               meerkat-request-wire)
                      (meerkat-request--send request)))))

(defun meerkat-request-lost-p (wire)
  "Return non-nil if WIRE has ended, and its requests wait to be sorted."
  (not (meerkat-wire-live-p wire)))

(defun meerkat-request--refused (request wire failure)
  "Take FAILURE as the answer to REQUEST, unless it means that WIRE has ended."
  (unless (and (eq (plist-get failure :code) -1) (meerkat-request-lost-p wire))
    (meerkat-request--settle request (meerkat-request--item-catch request) failure)))

(defun meerkat-request--settle (request function value)
  "Forget REQUEST and call FUNCTION with VALUE, unless it is forgotten already."
  (when (memq request meerkat-request--items)
    (setq meerkat-request--items (delq request meerkat-request--items))
    (when (meerkat-request--item-timer request)
      (cancel-timer (meerkat-request--item-timer request)))
    (meerkat-wire-guard (meerkat-request--item-method request) function value)))

(defun meerkat-request--fail (request message)
  "Settle REQUEST with an error that states MESSAGE."
  (meerkat-request--settle request (meerkat-request--item-catch request)
                              (list :code -1 :message message)))

(defun meerkat-request--time-out (request seconds)
  "Settle REQUEST, which had no answer for SECONDS."
  (meerkat-request--fail
   request (format "no answer to %s in %d s; M-x meerkat-restart starts the server anew"
                   (meerkat-request--item-method request) seconds)))

;;;; Notifications

(defun meerkat-request-listen (method function)
  "Have FUNCTION called with the params of each notification METHOD."
  (setf (alist-get method meerkat-request--listeners nil nil #'equal) function))

(defun meerkat-request-notified (method params)
  "Hand PARAMS to who listens for METHOD; what nobody listens for is dropped."
  (when-let ((function (alist-get method meerkat-request--listeners nil nil #'equal)))
    (funcall function params)))

;;;; When servers come and go

(defun meerkat-request-send-waiting ()
  "Write every request that wasn't written to this server yet."
  (dolist (request meerkat-request--items)
    (unless (meerkat-request--item-sent request)
      (meerkat-request--send request))))

(defun meerkat-request-sort (reason)
  "Keep the requests that may be repeated; fail the others with REASON."
  (dolist (request (copy-sequence meerkat-request--items))
    (cond ((not (meerkat-request--item-sent request)))
          ((meerkat-request--item-repeat request)
           (setf (meerkat-request--item-sent request) nil))
          (t (meerkat-request--fail request (format "the server ended (%s)" reason))))))

(defun meerkat-request-fail-all (problem)
  "Fail every request with PROBLEM: there is no server, nor will there be one."
  (dolist (request (copy-sequence meerkat-request--items))
    (meerkat-request--fail request problem)))

(provide 'meerkat-request)
;;; meerkat-request.el ends here
