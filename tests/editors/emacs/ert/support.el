;;; support.el --- What the package's tests share  -*- lexical-binding: t; -*-

;;; Commentary:

;; The tests run in a real Emacs, against a real server over pipes.  They share
;; both; each has sessions of its own.

;;; Code:

(require 'cl-lib)
(require 'ert)
(require 'meerkat)

(defconst support-bound 60
  "Seconds that anything may take.  The machine may be busy.")

(defun support-wait (what condition)
  "Wait until CONDITION, a function, returns non-nil; return that.  WHAT names it."
  (let ((end (+ (float-time) support-bound))
        (value nil))
    (while (not (setq value (funcall condition)))
      (when (> (float-time) end)
        (ert-fail (format "%s did not happen; the chat: %s" what (support-all-text))))
      (accept-process-output nil 0.01))
    value))

(defun support-all-text ()
  "Return the text of every chat."
  (mapconcat (lambda (session)
               (if (buffer-live-p (meerkat-session-buffer session))
                   (with-current-buffer (meerkat-session-buffer session) (support-text))
                 ""))
             (meerkat-session-open-ones) "\n=====\n"))

(defun support-ask (method &rest params)
  "Return the server's answer to METHOD with PARAMS."
  (let (answer failure)
    (meerkat-request method params
                     :repeat t
                     :then (lambda (result) (setq answer (list result)))
                     :catch (lambda (error) (setq failure error)))
    (support-wait method (lambda () (or answer failure)))
    (if failure
        (error "%s: %s" method (plist-get failure :message))
      (car answer))))

(cl-defun support-session (script &key title prompts (cwd default-directory))
  "Make a session whose turns do what SCRIPT says; return its id.
PROMPTS are run in it.  Without a script it echoes."
  (let ((id (meerkat-uuid)))
    (apply #'support-ask "session/create" :session_id id :initial_turn "deferred" :cwd (directory-file-name cwd)
           (append (and title (list :title title))
                   (and script (list :model "scripted" :provider_params (list :script (vconcat script))))))
    (dolist (prompt prompts)
      (support-ask "turn/start" :session_id id :prompt prompt))
    id))

(defmacro support-in-chat (id &rest body)
  "Open the session ID in a window, wait until it is shown, evaluate BODY in its buffer."
  (declare (indent 1) (debug t))
  `(let ((id ,id))
     (meerkat-chat-open id t)
     (let* ((session (meerkat-session-find id))
            (buffer (meerkat-session-buffer session)))
       (support-wait "the stream" (lambda () (stringp (meerkat-session-stream session))))
       (set-buffer buffer)
       (unwind-protect (progn ,@body)
         (when (buffer-live-p buffer)
           (kill-buffer buffer))))))

(defmacro support-in-new-chat (&rest body)
  "Begin a new chat and evaluate BODY in its buffer."
  (declare (indent 0) (debug t))
  `(let ((buffer (progn (meerkat-new) (window-buffer))))
     (set-buffer buffer)
     (unwind-protect (progn ,@body)
       (when (buffer-live-p buffer) (kill-buffer buffer)))))

(defun support-text ()
  "Return the text of this buffer, as it is copied."
  (meerkat-buffer-text (point-min) (point-max)))

(defun support-see (text)
  "Wait until TEXT is in this buffer."
  (support-wait (format "%S" text) (lambda () (string-search text (support-text)))))

(defun support-see-not (text)
  "Wait until TEXT isn't in this buffer."
  (support-wait (format "no %S" text) (lambda () (not (string-search text (support-text))))))

(defun support-count (text)
  "Return how often TEXT is in this buffer."
  (let ((case-fold-search nil))
    (save-excursion (how-many (regexp-quote text) (point-min) (point-max)))))

(defun support-send (text)
  "Write TEXT into the prompt and send it."
  (goto-char (point-max))
  (insert text)
  (meerkat-send))

(defun support-idle ()
  "Wait until no turn runs in this chat and nothing waits to be shown."
  (support-wait "the end of the turn"
                (lambda () (and (not (meerkat-session-running meerkat-buffer-session))
                                (not (meerkat-feed--waiting-p meerkat-buffer-session))))))

(defun support-button (label)
  "Press the button in this buffer whose text begins with LABEL."
  (goto-char (point-min))
  (search-forward label)
  (push-button (match-beginning 0)))

(defun support-face-p (text face)
  "Return non-nil if FACE is one of TEXT's in this buffer."
  (meerkat-markdown-fontify (point-min) (point-max))
  (save-excursion
    (goto-char (point-min))
    (search-forward text)
    (let ((faces (get-text-property (match-beginning 0) 'face)))
      (memq face (if (listp faces) faces (list faces))))))

(defun support-hidden-p (text)
  "Return non-nil if TEXT in this buffer is hidden."
  (meerkat-markdown-fontify (point-min) (point-max))
  (save-excursion
    (goto-char (point-min))
    (search-forward text)
    (invisible-p (match-beginning 0))))

(defmacro support-messages (&rest body)
  "Evaluate BODY; return the messages that it showed."
  (declare (indent 0) (debug t))
  `(let (said)
     (cl-letf (((symbol-function 'message)
                (lambda (format &rest arguments)
                  (when format (push (apply #'format format arguments) said)))))
       ,@body)
     (nreverse said)))

;;;; Running

(defun support-run (file)
  "Run every test; write a line for each to FILE: name, result, reason."
  (setq meerkat-state-directory (make-temp-file "meerkat-state" t))
  (let* ((stats (ert-run-tests-batch t))
         (lines (cl-loop for test across (ert--stats-tests stats)
                         collect (support--result test (ert-test-most-recent-result test)))))
    (write-region (mapconcat #'identity lines "\n") nil file nil 'quiet)
    (kill-emacs 0)))

(defun support--result (test result)
  "Return the line for TEST, which had RESULT."
  (format "%s\t%s\t%s" (ert-test-name test)
          (cond ((ert-test-passed-p result) "passed")
                ((ert-test-skipped-p result) "skipped")
                (t "failed"))
          (if (ert-test-result-with-condition-p result)
              (replace-regexp-in-string "[\n\t]+" " ⏎ " (format "%S" (ert-test-result-with-condition-condition result)))
            "")))

(provide 'support)
;;; support.el ends here
