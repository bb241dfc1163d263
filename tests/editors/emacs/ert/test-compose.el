;;; test-compose.el --- Prompts: sent, queued, kept  -*- lexical-binding: t; -*-

;;; Code:

(require 'support)

(defconst test-compose-slow '((:text "word " :repeat 100 :delay_ms 5))
  "A script that leaves time to do something meanwhile.")

(ert-deftest nothing-is-not-sent ()
  (support-in-new-chat
    (should (string-search "nothing to send" (car (support-messages (support-send "  \n ")))))))

(ert-deftest a-prompt-waits-while-a-turn-runs ()
  (support-in-chat (support-session test-compose-slow)
    (support-send "first")
    (support-see "word word")
    (support-send "second")
    (support-see "⧖ next: second")
    (support-wait "both turns" (lambda () (>= (support-count "You  ") 2)))
    (support-idle)
    (should-not (string-search "⧖" (support-text)))
    (should (= 200 (support-count "word ")))))

(ert-deftest two-prompts-sent-at-once-are-one-after-the-other ()
  (support-in-new-chat
    (support-send "first thing")
    (support-send "second thing")
    (support-wait "both turns" (lambda () (= 2 (support-count "You  "))))
    (support-idle)
    (should (string-match-p "first thing\\(.\\|\n\\)*first thing\\(.\\|\n\\)*second thing" (support-text)))))

(ert-deftest a-prompt-that-waits-is-taken-back ()
  (support-in-chat (support-session test-compose-slow)
    (support-send "first")
    (support-see "word word")
    (support-send "second")
    (support-see "⧖ next: second")
    (support-button "[take back]")
    (support-see-not "⧖")
    (should (equal "second" (meerkat-buffer-prompt-text)))
    (meerkat-stop)
    (support-idle)
    (should (= 1 (support-count "You  ")))))

(ert-deftest what-runs-is-steered ()
  (support-in-chat (support-session '((:text "one " :repeat 50 :delay_ms 5) (:tool (:name "t" :result "r"))
                                      (:text "two")))
    (support-send "first")
    (support-see "one one")
    (goto-char (point-max))
    (insert "and shorter")
    (meerkat-steer)
    (support-see "You, while it ran")
    (support-idle)
    (support-see "[and shorter]")
    (should-not (meerkat-session-queue session))))

(ert-deftest steering-nothing-sends ()
  (support-in-chat (support-session nil)
    (goto-char (point-max))
    (insert "hello")
    (meerkat-steer)
    (support-see "You  ")
    (support-idle)
    (should (= 2 (support-count "hello")))))

(ert-deftest what-is-refused-comes-back ()
  (support-in-chat (support-session nil)
    (support-ask "session/archive" :session_id id)
    (support-send "too late")
    (support-wait "the prompt" (lambda () (equal "too late" (meerkat-buffer-prompt-text))))
    (support-see "✗")))

(ert-deftest a-model-that-is-missing-is-told-with-the-way-out ()
  (let ((meerkat-model "nobody:has-this"))
    (support-in-new-chat
      (support-send "hello")
      (support-see "✗")
      (should (string-search "nobody" (support-text)))
      (support-wait "the prompt" (lambda () (or (equal "hello" (meerkat-buffer-prompt-text))
                                                (string-search "You  " (support-text))))))))

;;;; Drafts and history

(ert-deftest a-draft-is-kept-with-its-session ()
  (let ((id (support-session nil :prompts '("hi"))))
    (support-in-chat id
      (goto-char (point-max))
      (insert "half a thought, 半分"))
    (support-in-chat id
      (should (equal "half a thought, 半分" (meerkat-buffer-prompt-text)))
      (meerkat-buffer-set-prompt-text ""))
    (support-in-chat id
      (should (equal "" (meerkat-buffer-prompt-text))))))

(ert-deftest a-draft-that-was-sent-is-gone ()
  (let ((id (support-session nil)))
    (support-in-chat id
      (support-send "sent")
      (support-see "You  ")
      (support-idle))
    (support-in-chat id
      (should (equal "" (meerkat-buffer-prompt-text))))))

(ert-deftest earlier-prompts-are-walked-through ()
  (support-in-chat (support-session nil)
    (support-send "the first\nof two lines")
    (support-see "You  ")
    (support-idle)
    (support-send "the second")
    (support-wait "both" (lambda () (= 2 (support-count "You  "))))
    (support-idle)
    (insert "unsent")
    (meerkat-previous-prompt 1)
    (should (equal "the second" (meerkat-buffer-prompt-text)))
    (meerkat-previous-prompt 1)
    (should (equal "the first\nof two lines" (meerkat-buffer-prompt-text)))
    (meerkat-next-prompt 2)
    (should (equal "unsent" (meerkat-buffer-prompt-text)))
    (should (string-search "no later" (car (support-messages (meerkat-next-prompt 1)))))
    (meerkat-buffer-set-prompt-text "")))

(ert-deftest the-history-of-prompts-is-kept-on-disk ()
  (let ((meerkat-state-directory (make-temp-file "meerkat-state" t))
        (meerkat-prompt-history-length 3)
        (meerkat-storage-prompts nil)
        (meerkat-storage--loaded nil))
    (dolist (prompt '("a" "b\nc" "日本" "d" "a"))
      (meerkat-storage-add-prompt prompt))
    (setq meerkat-storage-prompts nil
          meerkat-storage--loaded nil)
    (meerkat-storage-load-prompts)
    (should (equal '("a" "d" "日本") meerkat-storage-prompts))
    (should (= #o600 (file-modes (expand-file-name "prompts" meerkat-state-directory))))
    (write-region "(not a string\n" nil (expand-file-name "prompts" meerkat-state-directory) t 'quiet)
    (setq meerkat-storage-prompts nil
          meerkat-storage--loaded nil)
    (meerkat-storage-load-prompts)
    (should (member "a" meerkat-storage-prompts))))

;;;; Files

(defmacro test-compose-in-folder (&rest body)
  "Evaluate BODY in a new folder with some files."
  (declare (indent 0) (debug t))
  `(let ((default-directory (file-name-as-directory (make-temp-file "meerkat-folder" t))))
     (make-directory "src")
     (dolist (name '("notes.md" "with space.txt" "src/main.el" "picture.PNG"))
       (write-region "x" nil name nil 'quiet))
     ,@body))

(ert-deftest mentions-are-found-as-people-write-them ()
  (test-compose-in-folder
    (cl-flet ((files (prompt) (mapcar (lambda (file) (file-relative-name file)) (meerkat-mention-files prompt default-directory))))
      (should (equal '("notes.md") (files "see @notes.md, please")))
      (should (equal '("notes.md") (files "(@notes.md)")))
      (should (equal '("with space.txt") (files "in @\"with space.txt\" it is")))
      (should (equal '("src/main.el" "notes.md") (files "@src/main.el and @notes.md and @src/main.el")))
      (should-not (files "me@notes.md is an address"))
      (should-not (files "@pytest.mark is none, nor @src or @"))
      (should (equal (list "file" "image")
                     (mapcar (lambda (block) (plist-get block :type))
                             (append (seq-drop (meerkat-mention-content "@notes.md @picture.PNG" default-directory) 1) nil)))))))

(ert-deftest a-mentioned-file-goes-with-the-prompt ()
  (test-compose-in-folder
    (let ((id (support-session nil :cwd default-directory)))
      (support-in-chat id
        (support-send "what is in @notes.md?")
        (support-see "You  ")
        (support-idle))
      (let ((message (aref (plist-get (support-ask "session/history" :session_id id) :messages) 0)))
        (should (equal "notes.md" (plist-get (aref (plist-get message :attachments) 0) :name))))
      (support-in-chat id
        (support-see "with notes.md")))))

(ert-deftest files-are-completed-behind-an-at-sign ()
  (test-compose-in-folder
    (let ((meerkat-mention-folder-function (lambda () default-directory)))
      (with-temp-buffer
        (insert "look at @")
        (meerkat-mention-complete)
        (support-wait "the listing"
                      (lambda () (member "src/main.el" (cdr (gethash default-directory meerkat-mention--listings)))))
        (insert "ma")
        (let ((completion-at-point-functions '(meerkat-mention-complete)))
          (completion-at-point)
          (should (equal "look at @src/main.el" (buffer-string)))
          (insert " and @wi")
          (completion-at-point)
          (should (equal "look at @src/main.el and @\"with space.txt\"" (buffer-string)))
          (insert " or mail@exa")
          (should-not (meerkat-mention-complete)))))))

(provide 'test-compose)
;;; test-compose.el ends here
