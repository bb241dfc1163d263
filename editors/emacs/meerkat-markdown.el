;;; meerkat-markdown.el --- Colours for markdown  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; A fontifier for font-lock, which asks for what is visible only.  It works line
;; by line.  Whether a line lies in a code block is noted at the end of the line
;; before it, so that a long answer which grows is never read again from its
;; beginning.  Text with the property `meerkat-markdown' is coloured, and no other.

;;; Code:

(require 'meerkat-settings)
(require 'meerkat-faces)
(require 'meerkat-code)

(defconst meerkat-markdown--fence
  (rx line-start (* blank) (group (or (>= 3 ?`) (>= 3 ?~))) (* blank) (group (* (not (any "`\n")))) line-end)
  "Line that begins or ends a block of code.")

(defvar meerkat-markdown-link-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "RET") #'meerkat-markdown-follow-link)
    (define-key map [mouse-2] #'meerkat-markdown-follow-link)
    (define-key map [follow-link] 'mouse-face)
    map)
  "Keys on a link.")

(defun meerkat-markdown-setup ()
  "Have font-lock colour the markdown of this buffer."
  (setq-local font-lock-defaults '(nil t))
  (setq-local font-lock-fontify-region-function #'meerkat-markdown-fontify)
  (setq-local font-lock-unfontify-region-function #'ignore)
  (when meerkat-hide-markup
    (add-to-invisibility-spec 'meerkat-markup)))

(defun meerkat-markdown-fontify (begin end &optional _loudly)
  "Colour the lines from BEGIN to END; return what was coloured, as font-lock asks."
  (save-excursion
    (save-match-data
      (with-silent-modifications
        (goto-char begin)
        (let ((first (line-beginning-position)))
          (goto-char first)
          (while (progn (meerkat-markdown--line)
                        (and (zerop (forward-line 1)) (< (point) end) (not (eobp)))))
          `(jit-lock-bounds ,first . ,(max end (point))))))))

;;;; Blocks

(defun meerkat-markdown--line ()
  "Colour the line at point."
  (if (not (get-text-property (point) 'meerkat-markdown))
      (meerkat-markdown--skip)
    (let* ((block (meerkat-markdown--state-before (point)))
           (after (meerkat-markdown--state-after block)))
      (unless (get-text-property (point) 'meerkat-coloured)
        (meerkat-markdown--clear)
        (cond (block (meerkat-markdown--in-block block after))
              (after (meerkat-markdown--mark-fence))
              (t (meerkat-markdown--prose))))
      (meerkat-markdown--note after))))

(defun meerkat-markdown--skip ()
  "Go to the line before the next text that is markdown, or to the end."
  (let ((next (next-single-property-change (point) 'meerkat-markdown nil (point-max))))
    (when (> next (line-end-position))
      (goto-char (max (point) (1- next))))))

(defun meerkat-markdown--clear ()
  "Remove the colours of the line at point."
  (remove-text-properties (point) (line-end-position)
                          '(face nil invisible nil mouse-face nil help-echo nil
                                 keymap nil meerkat-url nil meerkat-code nil)))

(defun meerkat-markdown--state-before (position)
  "Return the block of code that the line at POSITION lies in, or nil.
A block is a list: its fence, its language, and where its code begins."
  (let ((newline (1- position)))
    (cond ((or (< newline (point-min))
               (not (get-text-property newline 'meerkat-markdown)))
           nil)
          ((get-text-property newline 'meerkat-scanned)
           (get-text-property newline 'meerkat-block))
          (t (meerkat-markdown--scan position)))))

(defun meerkat-markdown--scan (position)
  "Read the lines before POSITION that nobody has read; return the state there."
  (save-excursion
    (goto-char position)
    (while (and (zerop (forward-line -1))
                (get-text-property (point) 'meerkat-markdown)
                (not (get-text-property (line-end-position) 'meerkat-scanned))))
    (when (or (not (get-text-property (point) 'meerkat-markdown))
              (get-text-property (line-end-position) 'meerkat-scanned))
      (forward-line 1))
    (let ((state (and (> (point) (point-min))
                      (get-text-property (1- (point)) 'meerkat-block))))
      (while (< (point) position)
        (setq state (meerkat-markdown--state-after state))
        (meerkat-markdown--note state)
        (forward-line 1))
      state)))

(defun meerkat-markdown--state-after (block)
  "Return the block that lies open behind the line at point, before it BLOCK."
  (cond ((or (not (looking-at meerkat-markdown--fence))
             (and (> (point) (point-min)) (get-text-property (1- (point)) 'meerkat-soft)))
         block)
        ((null block)
         (list (match-string-no-properties 1)
               (car (split-string (match-string-no-properties 2)))
               (copy-marker (line-beginning-position 2))))
        ((and (string-prefix-p (car block) (match-string 1))
              (string= "" (match-string 2)))
         nil)
        (t block)))

(defun meerkat-markdown--note (block)
  "Note at the end of the line at point that BLOCK lies open behind it."
  (let ((end (line-end-position)))
    (when (and (< end (point-max)) (get-text-property end 'meerkat-markdown))
      (add-text-properties end (1+ end) (list 'meerkat-scanned t 'meerkat-block block)))))

(defun meerkat-markdown--mark-fence ()
  "Colour the line at point, which opens or closes a block."
  (meerkat-markdown--put (point) (line-end-position) 'meerkat-markup)
  (meerkat-markdown--put (point) (meerkat-markdown--line-end) 'meerkat-code-block))

(defun meerkat-markdown--in-block (block after)
  "Colour the line at point, in BLOCK; AFTER is nil where it closes it."
  (if after
      (meerkat-markdown--put (point) (meerkat-markdown--line-end) 'meerkat-code-block)
    (meerkat-markdown--mark-fence)
    (meerkat-code-highlight-later (nth 1 block) (nth 2 block) (copy-marker (point)))))

(defun meerkat-markdown--line-end ()
  "Return the end of the line at point, its newline included if it has one."
  (min (point-max) (1+ (line-end-position))))

;;;; Prose

(defun meerkat-markdown--prose ()
  "Colour the line at point, which is text."
  (let ((begin (point))
        (end (line-end-position)))
    (cond ((looking-at "[ ]\\{0,3\\}\\(#\\{1,6\\}[ \t]+\\)")
           (meerkat-markdown--put begin end 'meerkat-heading)
           (meerkat-markdown--hide (match-beginning 1) (match-end 1)))
          ((looking-at "[ ]*>")
           (meerkat-markdown--put begin end 'meerkat-quote))
          ((looking-at "[ \t]*\\([-*+]\\|[0-9]+[.)]\\)[ \t]")
           (meerkat-markdown--put (match-beginning 1) (match-end 1) 'meerkat-markup)))
    (meerkat-markdown--inline begin end)))

(defconst meerkat-markdown--spans
  `((,(rx (group (+ ?`)) (group (+? nonl)) (backref 1)) 2 meerkat-code)
    (,(rx "**" (group (not blank) (*? nonl)) "**") 1 bold)
    (,(rx "__" (group (not blank) (*? nonl)) "__" word-end) 1 bold)
    (,(rx "~~" (group (+? nonl)) "~~") 1 shadow)
    (,(rx (or line-start (not (any "*" word))) "*" (group (not (any "*" blank)) (*? (not (any "*\n")))) "*") 1 italic)
    (,(rx (or line-start (not (any "_" word))) "_" (group (not (any "_" blank)) (*? (not (any "_\n")))) "_"
          (or line-end (not (any word "_"))))
     1 italic))
  "What marks text within a line: a pattern, the group that is marked, its face.
In their order: what is marked already isn't looked at again.")

(defun meerkat-markdown--inline (begin end)
  "Colour what is marked between BEGIN and END."
  (pcase-dolist (`(,pattern ,group ,face) meerkat-markdown--spans)
    (goto-char begin)
    (while (re-search-forward pattern end t)
      (meerkat-markdown--span (match-beginning group) (match-end group) face)))
  (meerkat-markdown--links begin end)
  (goto-char begin))

(defun meerkat-markdown--span (begin end face)
  "Give the text from BEGIN to END FACE, and hide the signs around it.
Nothing is done to code."
  (let ((first (match-beginning 0))
        (code (eq face 'meerkat-code)))
    (unless (memq (char-after first) '(?` ?* ?_ ?~))
      (setq first (1+ first)))
    (unless (or (get-text-property begin 'meerkat-code)
                (and (not code) (get-text-property first 'meerkat-code)))
      (meerkat-markdown--put begin end face)
      (when code (put-text-property begin end 'meerkat-code t))
      (meerkat-markdown--hide first begin)
      (meerkat-markdown--hide end (+ end (- begin first))))))

(defun meerkat-markdown--links (begin end)
  "Make the links between BEGIN and END ones that can be followed."
  (goto-char begin)
  (while (re-search-forward (rx "[" (group (+ (not (any "]\n")))) "](" (group (+ (not (any ")\n ")))) ")") end t)
    (meerkat-markdown--link (match-beginning 1) (match-end 1) (match-string-no-properties 2))
    (meerkat-markdown--hide (match-beginning 0) (match-beginning 1))
    (meerkat-markdown--hide (match-end 1) (match-end 0)))
  (goto-char begin)
  (while (re-search-forward (rx "http" (? "s") "://" (+ (not (any " \t\n)>]`\"")))) end t)
    (unless (get-text-property (match-beginning 0) 'invisible)
      (meerkat-markdown--link (match-beginning 0) (match-end 0) (match-string-no-properties 0)))))

(defun meerkat-markdown--link (begin end url)
  "Let the text from BEGIN to END lead to URL."
  (unless (get-text-property begin 'meerkat-code)
    (meerkat-markdown--put begin end 'meerkat-link)
    (add-text-properties begin end (list 'meerkat-url url 'help-echo url 'mouse-face 'highlight
                                         'keymap meerkat-markdown-link-map))))

(defun meerkat-markdown--put (begin end face)
  "Add FACE to the text from BEGIN to END."
  (add-face-text-property begin end face t))

(defun meerkat-markdown--hide (begin end)
  "Hide the signs from BEGIN to END, or make them quiet."
  (meerkat-markdown--put begin end 'meerkat-markup)
  (when meerkat-hide-markup
    (put-text-property begin end 'invisible 'meerkat-markup)))

(defun meerkat-markdown-follow-link ()
  "Open the link at point in the browser."
  (interactive)
  (when (mouse-event-p last-input-event) (mouse-set-point last-input-event))
  (let ((url (get-text-property (point) 'meerkat-url)))
    (if (and url (string-match-p "\\`https?://" url))
        (browse-url url)
      (message "meerkat: only links to the web are opened, not %s" url))))

(provide 'meerkat-markdown)
;;; meerkat-markdown.el ends here
