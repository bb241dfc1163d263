;;; meerkat-text.el --- A turn's text out of its events  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Text comes in deltas.  The deltas of a turn that ended long ago may have been
;; folded into one event, which perhaps stands for some that were seen already.

;;; Code:

(require 'cl-lib)

(cl-defstruct (meerkat-text (:constructor meerkat-text-create))
  "What one model call has said.
PIECES: sequence number and length of each delta, the latest first.
LENGTH: of all of them.  INCOMPLETE: some of it comes only at the end."
  pieces (length 0) incomplete)

(defun meerkat-text-added (text seq event)
  "Return what EVENT, whose place is SEQ, contributes to TEXT; nil if nothing.
EVENT is a plist: a delta, folded deltas, or the complete text."
  (pcase (plist-get event :type)
    ((or "text_delta" "reasoning_delta") (meerkat-text--piece text seq (plist-get event :delta)))
    ("deltas_folded" (meerkat-text--folded text seq event))
    ((or "text_complete" "reasoning_complete") (meerkat-text--complete text event))))

(defun meerkat-text--piece (text seq piece)
  "Note that PIECE came with SEQ, as a part of TEXT, and return it."
  (push (cons seq (length piece)) (meerkat-text-pieces text))
  (cl-incf (meerkat-text-length text) (length piece))
  piece)

(defun meerkat-text--folded (text seq event)
  "Return what EVENT, folded deltas up to SEQ, contributes to TEXT."
  (let ((content (plist-get event :content))
        (from (plist-get event :from_seq)))
    (if (null content)
        (progn (setf (meerkat-text-incomplete text) t) nil)
      (let ((had (cl-loop for (place . length) in (meerkat-text-pieces text)
                          when (>= place from) sum length)))
        (meerkat-text--piece text seq (substring content (min had (length content))))))))

(defun meerkat-text--complete (text event)
  "Return what EVENT, the complete text, contributes to what TEXT has."
  (let ((content (plist-get event :content)))
    (when (meerkat-text-incomplete text)
      (substring content (min (meerkat-text-length text) (length content))))))

(provide 'meerkat-text)
;;; meerkat-text.el ends here
