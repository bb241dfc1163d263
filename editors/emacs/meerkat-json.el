;;; meerkat-json.el --- JSON values for people  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Arguments and results of tools, in one short line or spread out.

;;; Code:

(require 'json)
(require 'subr-x)

(defconst meerkat-json--spread-limit 4000
  "Characters of a value that are shown; the session's export has all of it.")

(defun meerkat-json-line (value width)
  "Return VALUE in one line of at most WIDTH columns."
  (let ((text (replace-regexp-in-string "[[:space:]]+" " " (meerkat-json--text value))))
    (truncate-string-to-width text width nil nil "…")))

(defun meerkat-json-spread (value)
  "Return VALUE spread over lines; one that is too long is cut, and states so."
  (let* ((text (meerkat-json--text value))
         (cut (> (length text) meerkat-json--spread-limit)))
    (if cut
        (format "%s…\n(%d of %d characters)" (substring text 0 meerkat-json--spread-limit)
                meerkat-json--spread-limit (length text))
      (meerkat-json--pretty text value))))

(defun meerkat-json--text (value)
  "Return VALUE as text: a string as it is, anything else as JSON, null as nothing."
  (cond ((null value) "")
        ((stringp value) value)
        (t (decode-coding-string
            (json-serialize value :null-object nil :false-object :json-false) 'utf-8-emacs))))

(defun meerkat-json--pretty (text value)
  "Return TEXT, which is VALUE, indented if it is JSON."
  (if (or (null value) (stringp value))
      text
    (with-temp-buffer
      (insert text)
      (ignore-errors (json-pretty-print-buffer))
      (string-trim-right (buffer-string)))))

(provide 'meerkat-json)
;;; meerkat-json.el ends here
