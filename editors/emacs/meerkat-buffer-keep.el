;;; meerkat-buffer-keep.el --- What is the user's while a chat is written  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Whatever is written into a transcript or a foot is written through
;; `meerkat-buffer-write', which keeps cursors, windows and undo as they were, and
;; follows the end where a window shows it.

;;; Code:

(require 'cl-lib)

(defvar-local meerkat-buffer-body nil
  "Marker where the transcript ends and the foot begins.")

(defvar-local meerkat-buffer-prompt nil
  "Marker where the prompt begins.")

(defmacro meerkat-buffer-write (&rest body)
  "Evaluate BODY, which writes into the transcript or the foot."
  (declare (indent 0) (debug t))
  `(meerkat-buffer--writing (lambda () ,@body)))

(defvar meerkat-buffer--being-written nil
  "The buffer that is being written, or nil.")

(defun meerkat-buffer--writing (write)
  "Call WRITE and keep what belongs to the user as it was.
Within another WRITE that is taken care of already."
  (if (eq meerkat-buffer--being-written (current-buffer))
      (save-excursion (funcall write))
    (let ((following (meerkat-buffer--windows-at-end))
          (places (meerkat-buffer--places))
          (starts (meerkat-buffer--starts))
          (prompt (marker-position meerkat-buffer-prompt))
          (deactivate-mark nil))
      (meerkat-buffer--write-only write)
      (meerkat-buffer--restore places)
      (meerkat-buffer--restore-starts starts)
      (meerkat-buffer--shift-undo (- meerkat-buffer-prompt prompt))
      (set-buffer-modified-p nil)
      (mapc #'meerkat-buffer--show-end following))))

(defun meerkat-buffer--write-only (write)
  "Call WRITE, which may change what is protected and can't be undone."
  (let ((meerkat-buffer--being-written (current-buffer))
        (inhibit-read-only t)
        (inhibit-field-text-motion t)
        (buffer-undo-list t))
    (save-excursion
      (save-restriction
        (widen)
        (funcall write)))))

(defun meerkat-buffer--places ()
  "Return the cursors in the foot and the prompt, each with its place there."
  (delq nil
        (cons (meerkat-buffer--place nil (point))
              (mapcar (lambda (window) (meerkat-buffer--place window (window-point window)))
                      (get-buffer-window-list nil nil t)))))

(defun meerkat-buffer--place (window position)
  "Return WINDOW with POSITION's place: a marker that it is behind, and an offset."
  (let ((anchor (cond ((>= position meerkat-buffer-prompt) meerkat-buffer-prompt)
                      ((> position meerkat-buffer-body) meerkat-buffer-body))))
    (when anchor
      (list window anchor (- position anchor)))))

(defun meerkat-buffer--restore (places)
  "Put cursors back to PLACES."
  (pcase-dolist (`(,window ,anchor ,offset) places)
    (let ((position (min (+ anchor offset)
                         (if (eq anchor meerkat-buffer-prompt) (point-max) meerkat-buffer-prompt))))
      (if window
          (set-window-point window position)
        (goto-char position)))))

(defun meerkat-buffer--shift-undo (offset)
  "Move what can be undone in the prompt by OFFSET."
  (unless (or (zerop offset) (eq buffer-undo-list t))
    (setq buffer-undo-list
          (mapcar (lambda (entry) (meerkat-buffer--shifted entry offset)) buffer-undo-list))))

(defun meerkat-buffer--shifted (entry offset)
  "Return ENTRY of `buffer-undo-list', its positions moved by OFFSET."
  (pcase entry
    ((pred integerp) (+ entry offset))
    (`(,(and begin (pred integerp)) . ,(and end (pred integerp)))
     (cons (+ begin offset) (+ end offset)))
    (`(,(and text (pred stringp)) . ,(and place (pred integerp)))
     (cons text (if (< place 0) (- place offset) (+ place offset))))
    (`(nil ,property ,value ,begin . ,end)
     `(nil ,property ,value ,(+ begin offset) . ,(+ end offset)))
    (_ entry)))

(defun meerkat-buffer--starts ()
  "Return the windows of this buffer, each with where it begins.
That is a position where the transcript ended: what is inserted there
would move it.  Elsewhere it is t."
  (mapcar (lambda (window)
            (let ((start (window-start window)))
              (cons window (or (/= start meerkat-buffer-body) start))))
          (get-buffer-window-list nil nil t)))

(defun meerkat-buffer--restore-starts (positions)
  "Let windows begin where a line does, and where they did according to POSITIONS."
  (pcase-dolist (`(,window . ,start) positions)
    (let ((line (if (integerp start)
                    start
                  (save-excursion (goto-char (window-start window)) (line-beginning-position)))))
      (unless (= line (window-start window))
        (set-window-start window line t)))))

;;;; Following the end

(defun meerkat-buffer--windows-at-end ()
  "Return the windows whose cursor is behind the transcript: they follow the end."
  (cl-remove-if-not (lambda (window) (>= (window-point window) meerkat-buffer-body))
                    (get-buffer-window-list nil nil t)))

(defun meerkat-buffer--show-end (window)
  "Scroll WINDOW so that its last line is the buffer's."
  (unless (or (pos-visible-in-window-p (point-max) window)
              (> (count-lines meerkat-buffer-prompt (point-max)) (/ (window-height window) 2)))
    (with-selected-window window
      (save-excursion
        (goto-char (point-max))
        (recenter -1)))))

(provide 'meerkat-buffer-keep)
;;; meerkat-buffer-keep.el ends here
