;;; test-around.el --- Asking from anywhere, states, notices, doctor, logs  -*- lexical-binding: t; -*-

;;; Code:

(require 'support)

(defmacro test-around-with-file (text &rest body)
  "Evaluate BODY in a buffer that visits src/init.el in a new folder, with TEXT."
  (declare (indent 1) (debug t))
  `(let* ((folder (file-name-as-directory (file-truename (make-temp-file "meerkat-ask" t))))
          (file (expand-file-name "src/init.el" folder)))
     (make-directory (expand-file-name "src" folder))
     (make-directory (expand-file-name ".git" folder))
     (write-region ,text nil file nil 'quiet)
     (with-current-buffer (find-file-noselect file)
       (unwind-protect (progn ,@body) (kill-buffer)))))

;;;; Asking

(ert-deftest a-region-is-a-place-and-a-block ()
  (test-around-with-file "(one)\n(two)\n(three)\n"
    (should (equal "src/init.el#L2-3\n```emacs-lisp\n(two)\n(three)\n```"
                   (meerkat-ask-reference 7 (point-max) folder)))
    (should (equal "src/init.el#L1\n```emacs-lisp\none\n```" (meerkat-ask-reference 2 5 folder)))))

(ert-deftest a-fence-is-longer-than-what-it-holds ()
  (with-temp-buffer
    (insert "````\nnested\n````")
    (should (string-search "\n`````\n````\nnested\n````\n`````" (meerkat-ask-reference (point-min) (point-max) "/")))))

(ert-deftest asking-about-a-region-shows-the-chat-and-stays-in-the-file ()
  (test-around-with-file "(one)\n(two)\n"
    (switch-to-buffer (current-buffer))
    (let ((transient-mark-mode t))
      (goto-char (point-min))
      (push-mark (point-max) t t)
      (meerkat-send-dwim "what is this?" t))
    (should (string-suffix-p "init.el" (buffer-file-name (window-buffer))))
    (let ((chat (meerkat-session-buffer (meerkat-ask--last-open-in folder))))
      (should (get-buffer-window chat))
      (with-current-buffer chat
        (support-see "src/init.el#L1-2")
        (support-see "what is this?")
        (support-wait "both" (lambda () (= 2 (support-count "(two)"))))
        (support-idle)
        (should (equal (directory-file-name folder) (directory-file-name (meerkat-session-cwd meerkat-buffer-session)))))
      (meerkat-send-dwim "and this?")
      (with-current-buffer chat
        (support-wait "the same chat" (lambda () (= 2 (support-count "and this?"))))
        (support-idle)
        (kill-buffer)))))

(defun meerkat-ask--last-open-in (folder)
  "Return the open session of FOLDER."
  (seq-find (lambda (session)
              (equal (file-name-as-directory (or (meerkat-session-cwd session) "")) folder))
            (meerkat-session-open-ones)))

(ert-deftest a-region-is-put-into-the-prompt ()
  (test-around-with-file "(one)\n"
    (switch-to-buffer (current-buffer))
    (meerkat-add-region (point-min) (point-max))
    (set-buffer (window-buffer))
    (should (derived-mode-p 'meerkat-chat-mode))
    (should (string-prefix-p "src/init.el#L1\n```emacs-lisp" (meerkat-buffer-prompt-text)))
    (meerkat-buffer-set-prompt-text "")
    (kill-buffer)))

(ert-deftest the-last-chat-comes-back-and-goes-away ()
  (let ((id (support-session nil :prompts '("x") :title "The last")))
    (support-in-chat id
      (support-see "x")
      (bury-buffer)
      (switch-to-buffer "*scratch*")
      (meerkat)
      (should (eq buffer (window-buffer)))
      (meerkat)
      (should-not (eq buffer (window-buffer))))
    (should (equal id (meerkat-storage-last-session)))))

;;;; States and notices

(ert-deftest the-state-is-one-word-in-the-mode-line ()
  (support-in-chat (support-session '((:text "a" :repeat 40 :delay_ms 5) (:approval (:summary "s"))))
    (should (eq 'idle (meerkat-status)))
    (support-send "go")
    (support-wait "busy" (lambda () (eq 'busy (meerkat-status))))
    (should (equal " busy" (substring-no-properties (meerkat-chat--state))))
    (support-wait "needs you" (lambda () (eq 'needs-you (meerkat-status))))
    (should (equal " meerkat:needs you" (substring-no-properties (meerkat-status-item))))
    (meerkat-approve)
    (support-idle)
    (should (eq 'idle (meerkat-status)))))

(ert-deftest the-mode-line-item-comes-and-goes ()
  (meerkat-status-mode 1)
  (should (member meerkat-status--construct global-mode-string))
  (meerkat-status-mode 1)
  (should (= 1 (cl-count meerkat-status--construct global-mode-string :test #'equal)))
  (meerkat-status-mode -1)
  (should-not (member meerkat-status--construct global-mode-string)))

(ert-deftest who-looks-at-the-chat-is-told-nothing-and-who-doesn-t-is ()
  (let* ((told nil)
         (meerkat-notify-function (lambda (title text) (push (list title text) told))))
    (support-in-chat (support-session '((:approval (:summary "may I?"))) :title "Told")
      (support-wait "the title" (lambda () (meerkat-session-title session)))
      (cl-letf (((symbol-function 'frame-focus-state) (lambda (&rest _) t)))
        (support-send "go")
        (support-see "may I?")
        (meerkat-approve)
        (support-idle)
        (should-not told))
      (cl-letf (((symbol-function 'frame-focus-state) #'ignore))
        (support-send "go")
        (support-see "[1 allow]")
        (support-wait "the notice" (lambda () (member '("Told" "needs you: may I?") told)))
        (meerkat-approve)
        (support-idle)
        (support-wait "the end" (lambda () (member '("Told" "answered") told))))
      (let ((meerkat-notify nil)
            (count (length told)))
        (cl-letf (((symbol-function 'frame-focus-state) #'ignore))
          (support-send "go")
          (support-see "[1 allow]")
          (meerkat-stop)
          (support-idle)
          (should (= count (length told))))))))

(ert-deftest hooks-are-run-and-a-broken-one-hinders-nothing ()
  (let* ((ran nil)
         (note (lambda (name) (lambda (&rest arguments) (push (cons name arguments) ran))))
         (meerkat-session-opened-functions (list (lambda (_) (error "Broken hook")) (funcall note 'opened)))
         (meerkat-turn-started-functions (list (funcall note 'started)))
         (meerkat-turn-ended-functions (list (funcall note 'ended)))
         (meerkat-approval-requested-functions (list (funcall note 'requested)))
         (meerkat-approval-resolved-functions (list (funcall note 'resolved))))
    (support-in-chat (support-session '((:approval (:summary "s"))))
      (support-send "go")
      (support-see "[1 allow]")
      (meerkat-approve)
      (support-idle)
      (should (equal '(started requested resolved ended) (remq 'opened (mapcar #'car (reverse ran)))))
      (should (eq 'completed (nth 3 (assq 'ended ran))))
      (should (equal "s" (nth 3 (assq 'requested ran)))))))

;;;; Doctor and logs

(ert-deftest the-doctor-finds-all-well ()
  (meerkat-doctor)
  (with-current-buffer "*meerkat-doctor*"
    (dolist (text '("ok     Emacs" "ok     Server" "meerkat-rpc on PATH" "ok     Store" "ok     Model         echo"
                    "stored" "ok     Drafts" "Log"))
      (support-wait text (lambda () (string-search text (buffer-string)))))
    (kill-buffer)))

(ert-deftest the-doctor-says-what-to-do ()
  (meerkat-connection-stop 1)
  (let ((meerkat-server-command "/nowhere/meerkat-rpc"))
    (meerkat-doctor)
    (with-current-buffer "*meerkat-doctor*"
      (support-wait "the error" (lambda () (string-match-p "error  Server +There is no program /nowhere" (buffer-string))))
      (kill-buffer)))
  (meerkat-connection-stop)
  (let ((meerkat-model "no:such"))
    (meerkat-doctor)
    (with-current-buffer "*meerkat-doctor*"
      (support-wait "the warning" (lambda () (string-match-p "warn   Model +no:such" (buffer-string))))
      (kill-buffer))))

(ert-deftest traffic-is-written-down-while-it-is-wanted ()
  (meerkat-traffic)
  (support-ask "runtime/health")
  (meerkat-traffic)
  (with-current-buffer meerkat-log-traffic-buffer
    (should (string-search "→ {\"method\":\"runtime/health\"" (buffer-string)))
    (should (string-search "\"status\":\"ok\"" (buffer-string)))
    (let ((size (buffer-size)))
      (support-ask "runtime/health")
      (should (= size (buffer-size))))))

(ert-deftest a-log-stays-small-and-an-entry-too ()
  (let ((meerkat-log--limit 2000))
    (dotimes (_ 100) (meerkat-log "%s" (make-string 100 ?x)))
    (with-current-buffer meerkat-log-buffer
      (should (< (buffer-size) 2500))))
  (should (< (length (meerkat-log--cut (make-string 100000 ?x))) 4100)))

(ert-deftest what-the-server-complains-of-is-in-the-log ()
  (let ((log (meerkat-wire--line-logger)))
    (funcall log nil "half a ")
    (funcall log nil "line\nand more")
    (with-current-buffer meerkat-log-buffer
      (should (string-search "server: half a line" (buffer-string))))))

(ert-deftest keys-of-a-prefix-are-there-and-none-is-global ()
  (should (keymapp meerkat-command-map))
  (should (eq 'meerkat-send-dwim (lookup-key meerkat-command-map "a")))
  (map-keymap (lambda (_key binding)
                (should-not (and (symbolp binding) (string-prefix-p "meerkat" (symbol-name binding)))))
              (current-global-map)))

(provide 'test-around)
;;; test-around.el ends here
