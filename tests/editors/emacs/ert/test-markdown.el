;;; test-markdown.el --- Colours of answers  -*- lexical-binding: t; -*-

;;; Code:

(require 'support)

(defmacro test-markdown-with (text &rest body)
  "Show TEXT as an answer and evaluate BODY in its buffer."
  (declare (indent 1) (debug t))
  `(with-temp-buffer
     (meerkat-chat-mode)
     (setq meerkat-buffer-session (meerkat-session--make :id "x" :exists t :cwd "/"))
     (meerkat-buffer-write
       (meerkat-buffer-at-end (meerkat-entry-answer ,text)))
     ,@body))

(ert-deftest inline-signs-are-coloured-and-hidden ()
  (test-markdown-with "# Title\nSome **bold**, *slanted*, ~~gone~~ and `code` here.\n"
    (should (support-face-p "Title" 'meerkat-heading))
    (should (support-face-p "bold" 'bold))
    (should (support-face-p "slanted" 'italic))
    (should (support-face-p "gone" 'shadow))
    (should (support-face-p "code" 'meerkat-code))
    (should-not (support-face-p "here" 'bold))
    (should (support-hidden-p "**"))
    (should (support-hidden-p "`"))
    (should (string-search "**bold**" (support-text)))))

(ert-deftest signs-within-words-and-code-mean-nothing ()
  (test-markdown-with "snake_case_name and 2*3*4 and `a **b** c` end\n"
    (should-not (support-face-p "case" 'italic))
    (should-not (support-face-p "3" 'italic))
    (should-not (support-face-p "b** c" 'bold))
    (should-not (support-hidden-p "**"))))

(ert-deftest markup-is-shown-to-who-wants-it ()
  (let ((meerkat-hide-markup nil))
    (test-markdown-with "Some **bold** text\n"
      (should-not (support-hidden-p "**"))
      (should (support-face-p "**" 'meerkat-markup)))))

(ert-deftest links-lead-to-the-web-only ()
  (test-markdown-with "See [the page](https://example.org/a) or [this](file:///etc/passwd).\n"
    (should (support-face-p "the page" 'meerkat-link))
    (should (support-hidden-p "(https"))
    (goto-char (point-min))
    (search-forward "the p")
    (should (equal "https://example.org/a" (get-text-property (point) 'meerkat-url)))
    (search-forward "thi")
    (let (opened (last-input-event ?a))
      (cl-letf (((symbol-function 'browse-url) (lambda (url) (setq opened url))))
        (meerkat-markdown-follow-link))
      (should-not opened))))

(ert-deftest code-gets-the-colours-of-its-language ()
  (test-markdown-with "Look:\n```python\ndef f(x):\n    return \"a\"\n```\nafter **it**\n"
    (should (support-face-p "def" 'meerkat-code-block))
    (meerkat-code-highlight-waiting)
    (should (support-face-p "def" 'font-lock-keyword-face))
    (should (support-face-p "\"a\"" 'font-lock-string-face))
    (should (support-face-p "it" 'bold))
    (should-not (support-face-p "after" 'meerkat-code-block))))

(ert-deftest a-language-can-t-start-another-kind-of-mode ()
  (dolist (name '("dired" "tar" "png" "image" "zip" "el.gz" "no-such-language"))
    (should-not (meerkat-code--mode name)))
  (dolist (name '("python" "elisp" "c" "js" "bash" "Makefile" "json" "html"))
    (should (meerkat-code--mode name))))

(ert-deftest a-block-is-told-from-text-wherever-reading-begins ()
  (test-markdown-with (concat "intro\n~~~~\n" (mapconcat #'identity (make-list 300 "**not bold**\n") "")
                              "```\n~~~~\nafter **bold**\n")
    (goto-char (point-min))
    (forward-line 200)
    (meerkat-markdown-fontify (point) (line-end-position))
    (should (memq 'meerkat-code-block (ensure-list-of (get-text-property (point) 'face))))
    (goto-char (point-min))
    (search-forward "after ")
    (meerkat-markdown-fontify (line-beginning-position) (line-end-position))
    (should (memq 'bold (ensure-list-of (get-text-property (+ (point) 3) 'face))))))

(defun ensure-list-of (value)
  "Return VALUE, a face or a list of faces, as a list."
  (if (listp value) value (list value)))

(ert-deftest a-block-that-streams-is-one-from-its-first-line-on ()
  (test-markdown-with ""
    (dolist (piece '("Look:\n``" "`js\nlet a" " = 1;\nlet b = 2;\n`" "``\nand *so* on"))
      (meerkat-buffer-write (meerkat-buffer-at-end (meerkat-entry-answer piece)))
      (meerkat-markdown-fontify (point-min) (point-max)))
    (should (support-face-p "let b" 'meerkat-code-block))
    (should (support-face-p "so" 'italic))
    (should-not (support-face-p "and" 'meerkat-code-block))))

(ert-deftest what-the-user-said-is-no-markdown ()
  (with-temp-buffer
    (meerkat-chat-mode)
    (meerkat-buffer-write
      (meerkat-buffer-at-end (meerkat-entry-prompt "```\n**mine**" nil 0) (meerkat-entry-answer "**bold**")))
    (should-not (support-face-p "mine" 'bold))
    (should (support-face-p "bold" 'bold))))

(ert-deftest no-markdown-is-too-strange ()
  (dolist (text '("" "\n\n\n" "```" "**" "[]()" "[a](" "`````" "# " "|a|b|\n|-|-|" "*a **b* c**" "_" "~~~ ~~~"))
    (test-markdown-with text
      (meerkat-markdown-fontify (point-min) (point-max))
      (should (equal text (meerkat-buffer-text (point-min) meerkat-buffer-body))))))

(provide 'test-markdown)
;;; test-markdown.el ends here
