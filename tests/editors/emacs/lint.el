;;; lint.el --- Every check that the package has to pass  -*- lexical-binding: t; -*-

;;; Commentary:

;; emacs -Q --batch -l lint.el -f lint-compile|lint-checkdoc|lint-package FOLDER
;; prints what is wrong, and exits with code 1 if anything is.

;;; Code:

(require 'checkdoc)

(defun lint-files ()
  "Return the files of the package in the folder that the command line names."
  (directory-files (car command-line-args-left) t "\\`meerkat.*\\.el\\'"))

(defun lint-exit (complaints)
  "Print COMPLAINTS and exit."
  (dolist (complaint complaints) (princ (format "%s\n" complaint)))
  (kill-emacs (if complaints 1 0)))

(defun lint-compile ()
  "Compile every file, into a temporary folder; a warning is an error."
  (let* ((files (lint-files))
         (folder (make-temp-file "meerkat-elc" t))
         (load-path (cons (file-name-directory (car files)) load-path))
         (byte-compile-error-on-warn t)
         (byte-compile-dest-file-function
          (lambda (file) (expand-file-name (concat (file-name-nondirectory file) "c") folder)))
         (failed nil))
    (dolist (file files)
      (unless (eq (byte-compile-file file) t) (push file failed)))
    (delete-directory folder t)
    (lint-exit failed)))

(defun lint-checkdoc ()
  "Check the documentation strings of every file."
  (let* ((complaints nil)
         (checkdoc-create-error-function
          (lambda (text start _end &optional _unfixable)
            (push (format "%s:%d: %s" (buffer-file-name) (line-number-at-pos start t) text) complaints)
            nil)))
    (dolist (file (lint-files))
      (with-current-buffer (find-file-noselect file)
        (checkdoc-current-buffer t)))
    (lint-exit (nreverse complaints))))

(defun lint-package ()
  "Check every file as a package archive would."
  (let ((default-directory "/usr/share/emacs/site-lisp/elpa-src/"))
    (normal-top-level-add-subdirs-to-load-path))
  (require 'package-lint)
  (defvar package-lint-main-file)
  (let ((complaints nil)
        (package-lint-main-file (expand-file-name "meerkat.el" (car command-line-args-left))))
    (dolist (file (lint-files))
      (with-current-buffer (find-file-noselect file)
        (pcase-dolist (`(,line ,_column ,kind ,text) (package-lint-buffer))
          ;; Debian's package-lint is older than Emacs 28, and doubts that there ever will be one.
          (unless (string-search "uninstallable in all released Emacs" text)
            (push (format "%s:%d: %s: %s" file line kind text) complaints)))))
    (lint-exit (nreverse complaints))))

(provide 'lint)
;;; lint.el ends here
