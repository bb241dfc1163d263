;;; meerkat-code.el --- Colours for code in answers  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; A block of code gets the colours of its language's mode once it is complete
;; and Emacs is idle: loading a mode takes longer than a frame.

;;; Code:

(require 'cl-lib)
(require 'meerkat-settings)
(require 'meerkat-faces)

(defconst meerkat-code--idle 0.1
  "Seconds of idleness before code is coloured.")

(defconst meerkat-code--limit 20000
  "Characters of a block that is coloured; a larger one would be felt.")

(defconst meerkat-code--endings
  '(("python" . "py") ("bash" . "sh") ("shell" . "sh") ("zsh" . "sh") ("javascript" . "js")
    ("elisp" . "el") ("emacs-lisp" . "el") ("lisp" . "lisp") ("ruby" . "rb") ("perl" . "pl")
    ("rust" . "rs") ("markdown" . "md") ("make" . "mk") ("makefile" . "mk") ("c++" . "cpp")
    ("cxx" . "cpp") ("csharp" . "cs") ("fortran" . "f90") ("scheme" . "scm") ("latex" . "tex")
    ("yaml" . "yml") ("typescript" . "ts") ("html" . "html") ("conf" . "conf") ("diff" . "diff"))
  "Languages as fences name them, and the ending that a file of theirs has.")

(defvar meerkat-code--waiting nil
  "Blocks that wait for their colours: language, begin and end.")

(defvar meerkat-code--timer nil
  "The idle timer that colours blocks.")

(defun meerkat-code-highlight-later (language begin end)
  "Colour the block from BEGIN to END, markers, as LANGUAGE when Emacs is idle."
  (when (and meerkat-highlight-code language
             (< 0 (- end begin) meerkat-code--limit)
             (not (get-text-property begin 'meerkat-coloured)))
    (push (list language begin end) meerkat-code--waiting)
    (unless meerkat-code--timer
      (setq meerkat-code--timer
            (run-with-idle-timer meerkat-code--idle nil #'meerkat-code-highlight-waiting)))))

(defun meerkat-code-highlight-waiting ()
  "Colour the blocks that wait, until somebody types."
  (when meerkat-code--timer (cancel-timer meerkat-code--timer))
  (setq meerkat-code--timer nil)
  (while (and meerkat-code--waiting (not (input-pending-p)))
    (apply #'meerkat-code--highlight (pop meerkat-code--waiting)))
  (when meerkat-code--waiting
    (setq meerkat-code--timer
          (run-with-idle-timer (+ meerkat-code--idle (float-time (or (current-idle-time) 0)))
                               nil #'meerkat-code-highlight-waiting))))

(defun meerkat-code--highlight (language begin end)
  "Colour the block from BEGIN to END, markers, as LANGUAGE."
  (let ((buffer (marker-buffer begin))
        (mode (meerkat-code--mode language)))
    (when (and mode (buffer-live-p buffer))
      (with-current-buffer buffer
        (when (< begin end)
          (meerkat-code--colour begin end mode)))))
  (set-marker begin nil)
  (set-marker end nil))

(defun meerkat-code--mode (language)
  "Return the major mode for LANGUAGE, if it is one for programs or settings."
  (let* ((name (downcase language))
         (ending (or (cdr (assoc name meerkat-code--endings)) name))
         (mode (assoc-default (concat "/file." ending) auto-mode-alist #'string-match)))
    (when (and mode (symbolp mode) (fboundp mode))
      (while (and (symbol-function mode) (symbolp (symbol-function mode)))
        (setq mode (symbol-function mode)))
      (when (autoloadp (symbol-function mode))
        (ignore-errors (autoload-do-load (symbol-function mode) mode)))
      (and (provided-mode-derived-p mode 'prog-mode 'conf-mode 'sgml-mode 'diff-mode 'tex-mode) mode))))

(defun meerkat-code--colour (begin end mode)
  "Give the text from BEGIN to END the faces that MODE gives it."
  (let ((runs (meerkat-code--faces (buffer-substring-no-properties begin end) mode)))
    (with-silent-modifications
      (put-text-property begin end 'meerkat-coloured t)
      (pcase-dolist (`(,from ,to ,face) runs)
        (add-face-text-property (+ begin from) (+ begin to) face)))))

(defun meerkat-code--faces (text mode)
  "Return the faces that MODE gives TEXT: lists of begin, end and face.
Hooks of the mode aren't run: they are for files."
  (with-temp-buffer
    (insert text)
    (ignore-errors
      (delay-mode-hooks (funcall mode))
      (font-lock-ensure))
    (cl-loop with position = (point-min)
             while (< position (point-max))
             for next = (next-single-property-change position 'face nil (point-max))
             for face = (get-text-property position 'face)
             when face collect (list (1- position) (1- next) face)
             do (setq position next))))

(provide 'meerkat-code)
;;; meerkat-code.el ends here
