;;; test-server.el --- Finding the server, and keeping it running  -*- lexical-binding: t; -*-

;;; Code:

(require 'support)

;;;; Finding it

(defmacro test-server-with-programs (programs &rest body)
  "Evaluate BODY where PATH has PROGRAMS only: names and what the shell does."
  (declare (indent 1) (debug t))
  `(let* ((folder (make-temp-file "meerkat-path" t))
          (exec-path (list folder))
          (process-environment (cons (concat "PATH=" folder ":/usr/bin:/bin") process-environment)))
     (pcase-dolist (`(,name . ,script) ,programs)
       (let ((file (expand-file-name name folder)))
         (write-region (concat "#!/bin/sh\n" script "\n") nil file nil 'quiet)
         (set-file-modes file #o755)))
     ,@body))

(defun test-server-found ()
  "Return what is found."
  (let (found)
    (meerkat-discovery-find (lambda (result) (setq found result)))
    (support-wait "the search" (lambda () found))))

(ert-deftest the-setting-comes-first-as-a-list-or-as-text ()
  (test-server-with-programs '(("mine" . "true") ("meerkat-rpc" . "true") ("with space" . "true"))
    (dolist (case `((("mine" "--flag") . ("--flag")) ("mine --flag \"a b\"" . ("--flag" "a b"))
                    ("mine" . nil) (,(expand-file-name "with space" folder) . nil)))
      (let ((meerkat-server-command (car case)))
        (should (equal (cdr case) (cdr (plist-get (test-server-found) :command))))
        (should (string-search "setting" (plist-get (test-server-found) :source)))))))

(ert-deftest a-setting-that-names-nothing-is-an-error-and-nothing-else-is-run ()
  (test-server-with-programs '(("meerkat-rpc" . "true"))
    (let ((meerkat-server-command '("/nowhere/meerkat-rpc" "x")))
      (should (string-search "/nowhere/meerkat-rpc" (plist-get (test-server-found) :error))))))

(ert-deftest then-comes-the-program-on-path ()
  (test-server-with-programs '(("meerkat-rpc" . "true") ("python3" . "true"))
    (should (equal "meerkat-rpc on PATH" (plist-get (test-server-found) :source)))))

(ert-deftest then-python-if-it-has-the-package ()
  (test-server-with-programs '(("python3" . "test \"$2 $3\" = 'meerkat_rpc --version'") ("uvx" . "true"))
    (should (equal '("-m" "meerkat_rpc") (cdr (plist-get (test-server-found) :command))))))

(ert-deftest then-uvx ()
  (test-server-with-programs '(("python3" . "exit 1") ("uvx" . "true"))
    (should (equal '("meerkat-rpc") (cdr (plist-get (test-server-found) :command))))))

(ert-deftest then-it-is-said-what-to-install ()
  (test-server-with-programs '(("python3" . "exit 1"))
    (let ((problem (plist-get (test-server-found) :error)))
      (should (string-search "pip install" problem))
      (should (string-search "meerkat-server-command" problem)))))

(ert-deftest python-that-doesn-t-answer-is-not-waited-for ()
  (test-server-with-programs '(("python3" . "sleep 100"))
    (let ((meerkat-discovery--patience 0.2))
      (should (plist-get (test-server-found) :error)))))

;;;; Keeping it running

(defmacro test-server-anew (&rest body)
  "Evaluate BODY with no server running, and end the one that it starts."
  (declare (indent 0) (debug t))
  `(progn
     (meerkat-connection-stop 1)
     (unwind-protect (progn ,@body)
       (meerkat-connection-stop 1)
       (setq meerkat-connection--failures 0))))

(defun test-server-kill ()
  "Kill the server as a machine out of memory does, and wait until that is known."
  (let ((crash meerkat-connection-last-crash))
    (signal-process (meerkat-wire-pid meerkat-connection--wire) 'KILL)
    (support-wait "the crash" (lambda () (not (eq crash meerkat-connection-last-crash))))))

(defun test-server-ready ()
  "Wait until the server is there."
  (support-wait "the server" (lambda () (eq meerkat-connection-state 'ready))))

(ert-deftest the-server-starts-with-the-first-request-and-knows-us ()
  (test-server-anew
    (should (eq 'off meerkat-connection-state))
    (support-ask "runtime/health")
    (should (eq 'ready meerkat-connection-state))
    (should (equal "meerkat-rpc" (plist-get (plist-get meerkat-connection-info :server_info) :name)))))

(ert-deftest a-crash-is-said-once-and-the-session-goes-on ()
  (test-server-anew
    (support-in-chat (support-session nil :prompts '("before"))
      (support-see "before")
      (let* ((reasons nil)
             (meerkat-server-crashed-functions (list (lambda (reason) (push reason reasons))))
             (said nil))
        (cl-letf (((symbol-function 'message) (lambda (&rest words) (when (car words) (push (apply #'format words) said)))))
          (test-server-kill)
          (support-see "the server ended (killed by signal 9); starting again…")
          (should (eq 'offline (meerkat-session-status session)))
          (test-server-ready)
          (support-see-not "the server ended")
          (support-send "after")
          (support-wait "the answer" (lambda () (= 2 (support-count "after"))))
          (support-idle))
        (should (equal '("killed by signal 9") reasons))
        (should (= 1 (cl-count-if (lambda (line) (string-search "server ended" line)) said)))
        (should (= 2 (support-count "before")))))))

(ert-deftest a-turn-that-a-crash-ended-is-shown-as-interrupted-with-what-it-said ()
  (test-server-anew
    (support-in-chat (support-session '((:text "word " :repeat 5000 :delay_ms 5)))
      (support-send "go")
      (support-see "word word")
      (test-server-kill)
      (support-see "■ interrupted: the server ended")
      (support-idle)
      (should (= 1 (support-count "You  ")))
      (should (equal "" (meerkat-buffer-prompt-text))))))

(ert-deftest what-was-asked-while-there-was-no-server-is-answered-by-the-next ()
  (test-server-anew
    (let ((id (support-session nil)))
      (support-in-chat id
        (test-server-kill)
        (should (eq 'waiting meerkat-connection-state))
        (support-send "into the gap")
        (support-wait "the answer" (lambda () (= 2 (support-count "into the gap"))))
        (support-idle)
        (should (= 2 (plist-get (support-ask "session/history" :session_id id) :message_count)))))))

(ert-deftest a-request-in-flight-is-sent-again-only-if-that-is-safe ()
  (test-server-anew
    (let ((script '((:text "word " :repeat 5000 :delay_ms 5)))
          (again nil) (failure nil))
      (meerkat-request "turn/start" (list :session_id (support-session script) :prompt "p" :turn_id (meerkat-uuid))
                       :repeat t
                       :catch (lambda (error) (setq again (meerkat-request-error-code error))))
      (meerkat-request "turn/start" (list :session_id (support-session script) :prompt "p")
                       :catch (lambda (error) (setq failure (plist-get error :message))))
      (support-wait "both turns" (lambda () (= 2 (plist-get (support-ask "runtime/health") :running_turns))))
      (test-server-kill)
      (support-wait "the answer of the next server" (lambda () again))
      (should (equal "TURN_CANCELLED" again))
      (should (string-search "the server ended" failure)))))

(ert-deftest a-server-that-somebody-stopped-is-waited-for ()
  (test-server-anew
    (support-ask "runtime/health")
    (let ((pid (meerkat-wire-pid meerkat-connection--wire)) answer)
      (signal-process pid 'STOP)
      (support-wait "the stop" (lambda () (meerkat-wire-paused-p meerkat-connection--wire)))
      (meerkat-request "runtime/health" nil :then (lambda (result) (setq answer result)))
      (signal-process pid 'CONT)
      (support-wait "the answer" (lambda () answer)))))

(ert-deftest the-pauses-before-a-restart-grow-and-end ()
  (let ((pauses nil)
        (meerkat-connection--pause nil)
        (meerkat-connection--failures 0)
        (meerkat-connection--since (float-time))
        (meerkat-connection--wire nil)
        (meerkat-request-wire nil)
        (meerkat-request--items nil)
        (meerkat-connection-last-crash nil)
        (meerkat-connection-state 'ready)
        (meerkat-connection-problem nil))
    (cl-letf (((symbol-function 'run-with-timer) (lambda (seconds &rest _) (push seconds pauses))))
      (dotimes (_ 5)
        (setq meerkat-connection--pause nil)
        (meerkat-connection--crashed "exit code 1")))
    (should (equal '(0.25 0.5 1.0 2.0) (nreverse pauses)))
    (should (eq 'failed meerkat-connection-state))
    (should (string-search "M-x meerkat-restart" meerkat-connection-problem))))

(ert-deftest a-good-minute-forgives-failures ()
  (let ((meerkat-connection--failures 4)
        (meerkat-connection--since (- (float-time) 61))
        (meerkat-connection--pause nil)
        (meerkat-connection--wire nil)
        (meerkat-request-wire nil)
        (meerkat-request--items nil)
        (meerkat-connection-last-crash nil)
        (meerkat-connection-state 'ready)
        (meerkat-connection-problem nil))
    (cl-letf (((symbol-function 'run-with-timer) #'ignore))
      (meerkat-connection--crashed "exit code 1"))
    (should (= 1 meerkat-connection--failures))))

(ert-deftest a-program-that-is-no-server-is-told-from-one ()
  (dolist (command '("cat" ("sh" "-c" "echo hello; exit 3")))
    (test-server-anew
      (let ((meerkat-server-command command)
            (meerkat-connection--first-pause 0.01))
        (support-in-new-chat
          (support-send "anybody?")
          (support-wait "the end of it" (lambda () (eq meerkat-connection-state 'failed)))
          (support-see "✗")
          (should (equal "anybody?" (meerkat-buffer-prompt-text)))
          (meerkat-buffer-set-prompt-text ""))))))

(ert-deftest a-missing-server-is-told-in-the-chat-with-the-fix ()
  (test-server-anew
    (let ((meerkat-server-command "/nowhere/meerkat"))
      (support-in-new-chat
        (support-see "✗ There is no program /nowhere/meerkat")
        (support-send "hello")
        (support-wait "the draft" (lambda () (equal "hello" (meerkat-buffer-prompt-text))))
        (should (eq 'offline (meerkat-status)))
        (setq meerkat-server-command nil)
        (meerkat-restart)
        (test-server-ready)
        (support-see-not "✗")
        (meerkat-send)
        (support-see "You  ")
        (support-idle)))))

(ert-deftest a-request-that-takes-too-long-fails-and-its-late-answer-is-nothing ()
  (test-server-anew
    (support-ask "runtime/health")
    (let ((pid (meerkat-wire-pid meerkat-connection--wire)) failure answer)
      (signal-process pid 'STOP)
      (meerkat-request "runtime/health" nil :timeout 0.1
                       :then (lambda (result) (setq answer result))
                       :catch (lambda (error) (setq failure (plist-get error :message))))
      (support-wait "the time-out" (lambda () failure))
      (should (string-search "M-x meerkat-restart" failure))
      (signal-process pid 'CONT)
      (support-ask "session/list" :limit 1)
      (should-not answer))))

(ert-deftest ending-the-server-leaves-no-process-and-takes-no-time ()
  (test-server-anew
    (support-ask "runtime/health")
    (let* ((wire meerkat-connection--wire)
           (pid (meerkat-wire-pid wire))
           (began (float-time)))
      (meerkat-connection-stop 1)
      (should (< (- (float-time) began) 2.5))
      (support-wait "the process's end" (lambda () (not (process-attributes pid))))
      (support-wait "the end of its processes"
                    (lambda () (not (memq (slot-value wire 'stderr) (process-list))))))))

(ert-deftest an-error-in-a-callback-hinders-nothing ()
  (let (answer)
    (meerkat-request "runtime/health" nil :then (lambda (_) (error "Broken callback")))
    (meerkat-request "runtime/health" nil :then (lambda (result) (setq answer result)))
    (support-wait "the second answer" (lambda () answer))
    (with-current-buffer meerkat-log-buffer
      (should (string-search "Broken callback" (buffer-string))))))

(ert-deftest the-end-of-a-server-that-was-given-up-is-no-news ()
  (test-server-anew
    (support-ask "runtime/health")
    (let ((wire meerkat-connection--wire))
      (meerkat-connection--ended nil "exit code 3")
      (should (eq wire meerkat-connection--wire))
      (should (eq 'ready meerkat-connection-state)))))

(ert-deftest ids-are-uuids-of-version-7-in-order-of-time ()
  (let ((first (meerkat-uuid)) second)
    (sleep-for 0.002)
    (setq second (meerkat-uuid))
    (should (string-match-p "\\`[0-9a-f]\\{8\\}-[0-9a-f]\\{4\\}-7[0-9a-f]\\{3\\}-[89ab][0-9a-f]\\{3\\}-[0-9a-f]\\{12\\}\\'" first))
    (should (string< (substring first 0 13) (substring second 0 13)))))

(ert-deftest an-emacs-that-is-too-old-is-told-so-politely ()
  (let* ((emacs-version "27.2")
         (failure (should-error (load "meerkat" nil t))))
    (should (equal "Meerkat needs Emacs 28.1 or newer; this is 27.2" (error-message-string failure)))))

(provide 'test-server)
;;; test-server.el ends here
