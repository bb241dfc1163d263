;;; test-approvals.el --- Questions and their answers  -*- lexical-binding: t; -*-

;;; Code:

(require 'support)

(defconst test-approvals-script '((:approval (:summary "write the file" :choices ["allow" "deny"])) (:text "gone on")))

(defun test-approvals-chosen (session)
  "Return the choices in the log of SESSION."
  (let ((events (plist-get (support-ask "events/list_since"
                                        :scope (list :type "session" :session_id (meerkat-session-id session)))
                           :events)))
    (cl-loop for item across events
             for event = (plist-get item :event)
             when (equal (plist-get event :type) "approval_resolved") collect (plist-get event :choice))))

(ert-deftest a-question-is-above-the-prompt-and-a-digit-answers-it ()
  (support-in-chat (support-session test-approvals-script)
    (support-send "go")
    (support-see "? write the file")
    (support-see "[1 allow]  [2 deny]")
    (should (eq 'needs-you (meerkat-session-status session)))
    (should (eq 'meerkat-approval-answer-digit (key-binding "1")))
    (insert "x")
    (should (eq 'self-insert-command (key-binding "1")))
    (meerkat-buffer-set-prompt-text "")
    (meerkat-approval-answer-nth 1)
    (support-see "✓ allow: write the file")
    (support-see "gone on")
    (support-idle)
    (should-not (string-search "[1 allow]" (support-text)))
    (should (eq 'self-insert-command (key-binding "1")))
    (should (equal '("allow") (test-approvals-chosen session)))))

(ert-deftest a-digit-that-stands-for-nothing-says-so ()
  (support-in-chat (support-session test-approvals-script)
    (support-send "go")
    (support-see "[1 allow]")
    (should (string-search "no answer 7" (car (support-messages (meerkat-approval-answer-nth 7)))))
    (meerkat-stop)
    (support-idle)))

(ert-deftest a-button-denies ()
  (support-in-chat (support-session test-approvals-script)
    (support-send "go")
    (support-see "[2 deny]")
    (support-button "[2 deny]")
    (support-see "✗ deny: write the file")
    (support-idle)
    (should (equal '("deny") (test-approvals-chosen session)))))

(ert-deftest as-many-choices-as-there-are-have-digits ()
  (support-in-chat (support-session '((:approval (:summary "which?" :choices ["red" "green" "blue" "none"]))))
    (support-send "go")
    (support-see "[4 none]")
    (meerkat-approval-answer-nth 3)
    (support-see "✓ blue: which?")
    (support-idle)))

(ert-deftest what-can-be-remembered-has-three-ways-to-be-allowed ()
  (let ((approval '(:approval_id "a" :choices ["allow" "deny"] :rule "bash(git *)" :summary "s")))
    (should (equal '(("allow once" "allow" "once") ("allow for this session" "allow" "session")
                     ("always allow bash(git *)" "allow" "always") ("deny" "deny" "once"))
                   (meerkat-approval-answers approval)))))

(ert-deftest another-client-s-answer-is-shown ()
  (support-in-chat (support-session test-approvals-script)
    (support-send "go")
    (support-see "[1 allow]")
    (let ((waiting (plist-get (support-ask "approval/list" :session_id id) :approvals)))
      (support-ask "approval/respond" :approval_id (plist-get (aref waiting 0) :approval_id) :choice "deny"))
    (support-see "✗ deny")
    (support-idle)
    (should-not (meerkat-session-approvals session))))

(ert-deftest a-question-is-still-there-when-the-chat-is-opened-again ()
  (let ((id (support-session test-approvals-script)))
    (support-in-chat id
      (support-send "go")
      (support-see "[1 allow]"))
    (support-in-chat id
      (support-see "[1 allow]")
      (should (= 1 (support-count "? write the file")))
      (meerkat-approve)
      (support-see "gone on")
      (support-idle))))

(ert-deftest a-question-ends-with-its-turn ()
  (support-in-chat (support-session test-approvals-script)
    (support-send "go")
    (support-see "[1 allow]")
    (meerkat-stop)
    (support-see "■ interrupted")
    (support-see-not "[1 allow]")))

(ert-deftest approving-from-elsewhere-answers-what-waits ()
  (support-in-chat (support-session test-approvals-script)
    (support-send "go")
    (support-see "[1 allow]")
    (with-temp-buffer (meerkat-deny))
    (support-see "✗ deny")
    (support-idle)
    (with-temp-buffer
      (should (string-search "nothing waits" (car (support-messages (meerkat-approve))))))))

(ert-deftest details-are-shown-and-cut ()
  (let ((text (meerkat-approval-text
               (list :approval_id "a" :summary "run it" :choices ["allow" "deny"]
                     :details (list :command (mapconcat #'number-to-string (number-sequence 1 5) "\n")
                                    :lines (vconcat (number-sequence 1 40)))))))
    (should (string-search "command" text))
    (should (string-search "…" text))
    (should (< (length (split-string text "\n")) 20))))

(provide 'test-approvals)
;;; test-approvals.el ends here
