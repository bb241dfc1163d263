;;; meerkat-buffer.el --- A buffer with a transcript and a prompt  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; From its beginning on, the buffer has a transcript, a foot with what waits and
;; what goes on, and at its end the prompt, which alone can be edited.  All that
;; is written into the first two is written through `meerkat-buffer-write', which
;; keeps cursors, windows and undo as they were, and follows the end where a
;; window shows it.

;;; Code:

(require 'button)
(require 'cl-lib)
(require 'meerkat-faces)

(defvar-local meerkat-buffer-session nil
  "The session that this buffer shows.")

(defvar-local meerkat-buffer-body nil
  "Marker where the transcript ends and the foot begins.")

(defvar-local meerkat-buffer-prompt nil
  "Marker where the prompt begins.")

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

;;;; Writing

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
    (save-excursion (funcall write))))

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
