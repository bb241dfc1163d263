;;; meerkat-uuid.el --- Ids of our own  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Sessions and turns get their ids here, so that a request which is repeated
;; after a crash is known to be the same.

;;; Code:

(random t)

(defun meerkat-uuid ()
  "Return a new UUID of version 7: the time, and random bits."
  (let ((milliseconds (truncate (* 1000 (float-time)))))
    (format "%08x-%04x-7%03x-%04x-%06x%06x"
            (ash milliseconds -16)
            (logand milliseconds #xffff)
            (random #x1000)
            (logior #x8000 (random #x4000))
            (random #x1000000)
            (random #x1000000))))

(provide 'meerkat-uuid)
;;; meerkat-uuid.el ends here
