;;; meerkat-fold.el --- Lines with more behind them  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; A tool's call, or a thought, is one line.  What is behind it is inserted when
;; somebody wants to see it, so that it costs nothing until then.

;;; Code:

(require 'cl-lib)
(require 'subr-x)
(require 'meerkat-buffer)

(cl-defstruct (meerkat-fold (:constructor meerkat-fold-create))
  "A line with more behind it.
TITLE: what the line says.  BODY: a function that returns the rest.  OPEN:
the rest is shown.  PLACE: marker at the line's beginning."
  title body open place)

(defvar meerkat-fold-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "RET") #'meerkat-fold-toggle)
    (define-key map (kbd "SPC") #'meerkat-fold-toggle)
    (define-key map [mouse-1] #'meerkat-fold-toggle)
    (define-key map [mouse-2] #'meerkat-fold-toggle)
    map)
  "Keys on a line with more behind it.")

(defun meerkat-fold-insert (fold)
  "Insert FOLD at point, closed, as a line."
  (setf (meerkat-fold-place fold) (copy-marker (point)))
  (let ((place (point)))
    (meerkat-buffer-insert (meerkat-fold--line fold) (propertize "\n" 'meerkat-fold fold))
    (set-marker (meerkat-fold-place fold) place)))

(defun meerkat-fold--line (fold)
  "Return FOLD's line, without its end."
  (propertize (concat (propertize (if (meerkat-fold-open fold) "▾ " "▸ ") 'face 'meerkat-note)
                      (meerkat-fold-title fold))
              'meerkat-fold fold
              'keymap (make-composed-keymap meerkat-fold-map meerkat-buffer-transcript-map)
              'mouse-face 'highlight
              'help-echo "RET shows what is behind this line, or hides it"))

(defun meerkat-fold-retitle (fold title)
  "Let FOLD's line say TITLE."
  (setf (meerkat-fold-title fold) title)
  (meerkat-fold--redraw fold))

(defun meerkat-fold--redraw (fold)
  "Write FOLD's line anew; its end stays, and with it what follows."
  (let ((place (marker-position (meerkat-fold-place fold))))
    (save-excursion
      (goto-char place)
      (delete-region place (line-end-position))
      (meerkat-buffer-insert (meerkat-fold--line fold))
      (set-marker (meerkat-fold-place fold) place))))

(defun meerkat-fold-toggle ()
  "Show what is behind the line at point, or hide it."
  (interactive)
  (when (mouse-event-p last-input-event) (mouse-set-point last-input-event))
  (when-let ((fold (or (get-text-property (point) 'meerkat-fold)
                       (get-text-property (point) 'meerkat-fold-body))))
    (let ((column-line (marker-position (meerkat-fold-place fold))))
      (meerkat-buffer-write (meerkat-fold--set fold (not (meerkat-fold-open fold))))
      (goto-char column-line))))

(defun meerkat-fold--set (fold open)
  "Show FOLD's body if OPEN, else hide it."
  (setf (meerkat-fold-open fold) open)
  (meerkat-fold--redraw fold)
  (goto-char (meerkat-fold-place fold))
  (forward-line 1)
  (if open
      (meerkat-fold--insert-body fold)
    (delete-region (point) (or (text-property-not-all (point) (point-max) 'meerkat-fold-body fold)
                               (point-max)))))

(defun meerkat-fold--insert-body (fold)
  "Insert what is behind FOLD at point."
  (let ((text (string-trim-right (funcall (meerkat-fold-body fold)))))
    (meerkat-buffer-insert-text (concat (if (string-empty-p text) "(nothing)" text) "\n")
                                'face 'meerkat-detail
                                'line-prefix "  " 'wrap-prefix "  "
                                'meerkat-fold-body fold)))

(provide 'meerkat-fold)
;;; meerkat-fold.el ends here
