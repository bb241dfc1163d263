;;; meerkat-buffer.el --- A buffer with a transcript and a prompt  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; From its beginning on, the buffer has a transcript, a foot with what waits and
;; what goes on, and at its end the prompt, which alone can be edited.

;;; Code:

(require 'button)
(require 'cl-lib)
(require 'meerkat-buffer-keep)
(require 'meerkat-faces)

(defvar-local meerkat-buffer-session nil
  "The session that this buffer shows.")

(defvar-local meerkat-buffer--foot nil
  "The key of the foot as it was last written.")

(defconst meerkat-buffer--line-limit 1500
  "Characters of a line, beyond which it is broken: redisplay is slow on long ones.
The breaks are not part of the text and are left away when it is copied.")

(defconst meerkat-buffer--word-limit 60
  "Characters that a break may be moved back, to the end of a word.")

(defvar meerkat-buffer-transcript-map (make-sparse-keymap)
  "Keys in the transcript, where nothing can be typed.")

(defvar meerkat-buffer--button-map
  (make-composed-keymap button-map meerkat-buffer-transcript-map)
  "Keys on a button of the transcript.")

(defun meerkat-buffer-setup ()
  "Lay out the current buffer: an empty transcript, a foot, an empty prompt."
  (let ((inhibit-read-only t))
    (erase-buffer)
    (setq buffer-undo-list nil
          meerkat-buffer-body (copy-marker (point-min))
          meerkat-buffer-prompt (copy-marker (point-min))
          meerkat-buffer--foot nil)
    (setq-local filter-buffer-substring-function #'meerkat-buffer--copied
                bidi-paragraph-start-re "^"
                bidi-paragraph-separate-re "^"
                bidi-inhibit-bpa t
                scroll-conservatively 101
                word-wrap t
                word-wrap-by-category t
                truncate-lines nil)
    (meerkat-buffer-set-foot "" 'empty)))

;;;; Inserting

(defun meerkat-buffer-insert (&rest strings)
  "Insert STRINGS at point as part of the transcript, with their properties.
Markers that are here move on: they belong to what follows."
  (let ((begin (point)))
    (apply #'insert-before-markers strings)
    (meerkat-buffer--protect begin (point))))

(defun meerkat-buffer-insert-text (text &rest properties)
  "Insert TEXT at point, which may have lines of any length, with PROPERTIES."
  (let ((begin (point)))
    (insert-before-markers text)
    (meerkat-buffer--break-lines begin)
    (add-text-properties begin (point) properties)
    (meerkat-buffer--protect begin (point))))

(defun meerkat-buffer--protect (begin end)
  "Make the text from BEGIN to END part of the transcript."
  (add-text-properties begin end '(read-only t front-sticky (read-only) rear-nonsticky t))
  (meerkat-buffer--add-keys begin end))

(defun meerkat-buffer--add-keys (begin end)
  "Give the text from BEGIN to END the transcript's keys where it has no others.
Buttons have both."
  (while (< begin end)
    (let ((next (next-single-property-change begin 'keymap nil end)))
      (cond ((get-text-property begin 'button)
             (setq next (next-single-property-change begin 'button nil end))
             (put-text-property begin next 'keymap meerkat-buffer--button-map))
            ((not (get-text-property begin 'keymap))
             (setq next (min next (next-single-property-change begin 'button nil end)))
             (put-text-property begin next 'keymap meerkat-buffer-transcript-map)))
      (setq begin next))))

(defun meerkat-buffer--break-lines (begin)
  "Break the long lines between BEGIN and point."
  (let ((end (point-marker)))
    (goto-char begin)
    (forward-line 0)
    (while (< (point) end)
      (let ((limit (+ (point) meerkat-buffer--line-limit)))
        (skip-chars-forward "^\n" (min end (1+ limit)))
        (if (<= (point) limit)
            (forward-line 1)
          (goto-char limit)
          (skip-chars-backward "^ " (max begin (- limit meerkat-buffer--word-limit)))
          (insert (propertize "\n" 'meerkat-soft t)))))
    (goto-char end)
    (set-marker end nil)))

(defmacro meerkat-buffer-at-end (&rest body)
  "Evaluate BODY with point where the transcript ends."
  (declare (indent 0) (debug t))
  `(progn
     (goto-char meerkat-buffer-body)
     ,@body))

(defun meerkat-buffer-fresh-line ()
  "Begin a new line at point unless one begins there."
  (unless (bolp) (meerkat-buffer-insert "\n")))

(defun meerkat-buffer-fresh-paragraph ()
  "Leave one empty line before point, unless the buffer begins there."
  (meerkat-buffer-fresh-line)
  (unless (or (bobp) (eq (char-before (1- (point))) ?\n))
    (meerkat-buffer-insert "\n")))

(defun meerkat-buffer-set-foot (text key)
  "Put TEXT between the transcript and the prompt.
Nothing is done while KEY is the same as the last time."
  (unless (equal key meerkat-buffer--foot)
    (setq meerkat-buffer--foot key)
    (meerkat-buffer-write
      (delete-region meerkat-buffer-body meerkat-buffer-prompt)
      (goto-char meerkat-buffer-body)
      (let ((begin (point)))
        (insert text (propertize "› " 'face 'meerkat-prompt 'field 'meerkat-prompt))
        (meerkat-buffer--protect begin (point)))
      (set-marker meerkat-buffer-prompt (point)))))

(defun meerkat-buffer--copied (begin end &optional delete)
  "Return the text from BEGIN to END without breaks of ours and without properties.
With DELETE, delete it."
  (let* ((text (if delete (delete-and-extract-region begin end) (buffer-substring begin end)))
         (position 0)
         (pieces nil))
    (while (< position (length text))
      (let ((next (next-single-property-change position 'meerkat-soft text (length text))))
        (unless (get-text-property position 'meerkat-soft text)
          (push (substring-no-properties text position next) pieces))
        (setq position next)))
    (apply #'concat (nreverse pieces))))

(defun meerkat-buffer-text (begin end)
  "Return the text from BEGIN to END as it was inserted."
  (meerkat-buffer--copied begin end))

;;;; The prompt's text

(defun meerkat-buffer-in-prompt-p ()
  "Return non-nil if point is in the prompt."
  (>= (point) meerkat-buffer-prompt))

(defun meerkat-buffer-prompt-text ()
  "Return what is written in the prompt."
  (buffer-substring-no-properties meerkat-buffer-prompt (point-max)))

(defun meerkat-buffer-set-prompt-text (text)
  "Replace what is written in the prompt by TEXT, with the cursor at its end."
  (delete-region meerkat-buffer-prompt (point-max))
  (goto-char (point-max))
  (insert text)
  (dolist (window (get-buffer-window-list nil nil t))
    (when (>= (window-point window) meerkat-buffer-body)
      (set-window-point window (point-max)))))

(provide 'meerkat-buffer)
;;; meerkat-buffer.el ends here
