;;; meerkat-mention.el --- Files that a prompt names with @  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; A mention begins a word.  What names no file stays text: perhaps the user only
;; talks of one.  While an @ is typed, the folder's files are offered; listing
;; them never makes Emacs wait.

;;; Code:

(require 'cl-lib)
(require 'seq)
(require 'subr-x)
(require 'meerkat-settings)

(defconst meerkat-mention--pattern
  (rx (or string-start (any space "([{\"'"))
      "@" (or (seq "\"" (group (+ (not (any "\"\n")))) "\"") (group (+ (not (any space "\""))))))
  "A mention: its name, in quotation marks or not.")

(defconst meerkat-mention--trailing '(?. ?, ?\; ?: ?! ?? ?\) ?\] ?} ?' ?\")
  "What may stand behind a name without being part of it.")

(defconst meerkat-mention--image "\\.\\(?:png\\|jpe?g\\|gif\\|webp\\)\\'"
  "Endings of the images that every provider takes.")

(defconst meerkat-mention--list-limit 20000
  "Files that are offered: more would take longer to match than to type.")

(defconst meerkat-mention--fresh 10
  "Seconds for which a listing of files holds.")

;;;; Sending

(defun meerkat-mention-content (prompt folder)
  "Return what to send for PROMPT: itself, or blocks with the files it mentions.
Relative names begin at FOLDER."
  (let ((files (meerkat-mention-files prompt folder)))
    (if (null files)
        prompt
      (vconcat (list (list :type "text" :text prompt))
               (mapcar #'meerkat-mention--block files)))))

(defun meerkat-mention-files (prompt folder)
  "Return the files that PROMPT mentions and that are there, each once.
Relative names begin at FOLDER."
  (let ((position 0)
        (files nil))
    (while (string-match meerkat-mention--pattern prompt position)
      (setq position (match-end 0))
      (let ((file (meerkat-mention--file (match-string 1 prompt) (match-string 2 prompt) folder)))
        (when file (cl-pushnew file files :test #'equal))))
    (nreverse files)))

(defun meerkat-mention--file (quoted bare folder)
  "Return the file that QUOTED or else BARE names in FOLDER, or nil."
  (if quoted
      (meerkat-mention--existing quoted folder)
    (let ((file (meerkat-mention--existing bare folder)))
      (while (and (not file) (> (length bare) 1)
                  (memq (aref bare (1- (length bare))) meerkat-mention--trailing))
        (setq bare (substring bare 0 -1)
              file (meerkat-mention--existing bare folder)))
      file)))

(defun meerkat-mention--existing (name folder)
  "Return the path of the file NAME in FOLDER, on this machine, or nil."
  (let ((path (expand-file-name name folder)))
    (and (not (file-remote-p path)) (file-regular-p path) path)))

(defun meerkat-mention--block (path)
  "Return the block for the file PATH."
  (list :type (if (let ((case-fold-search t)) (string-match-p meerkat-mention--image path)) "image" "file") :path path))

;;;; Completing

(defvar meerkat-mention--listings (make-hash-table :test #'equal)
  "By folder: when its files were listed, and the list.")

(defvar meerkat-mention-folder-function (lambda () default-directory)
  "Function that returns the folder whose files are offered.")

(defun meerkat-mention-complete ()
  "Offer the files of the folder for the mention before point.
For `completion-at-point-functions'."
  (when-let ((begin (meerkat-mention--begin)))
    (let ((folder (funcall meerkat-mention-folder-function)))
      (meerkat-mention-list folder)
      (list begin (point) (meerkat-mention--table folder)
            :company-kind (lambda (_name) 'file)
            :exit-function #'meerkat-mention--quote))))

(add-to-list 'completion-category-defaults '(meerkat-file (styles substring flex)))

(defun meerkat-mention--begin ()
  "Return where the name begins of the mention that point is in, or nil."
  (save-excursion
    (let ((end (point)))
      (skip-chars-backward "^ \t\n@\"" (max (point-min) (- (point) 400)))
      (when (eq (char-before) ?\") (backward-char))
      (and (eq (char-before) ?@)
           (or (= (1- (point)) (point-min))
               (memq (char-before (1- (point))) '(?\s ?\t ?\n ?\( ?\[ ?{ ?\" ?'))
               (get-text-property (- (point) 2) 'read-only))
           (<= (point) end)
           (+ (point) (if (eq (char-after) ?\") 1 0))))))

(defun meerkat-mention--table (folder)
  "Return a completion table of FOLDER's files."
  (lambda (string predicate action)
    (if (eq action 'metadata)
        '(metadata (category . meerkat-file) (display-sort-function . identity)
                   (cycle-sort-function . identity))
      (complete-with-action action (cdr (gethash folder meerkat-mention--listings))
                            string predicate))))

(defun meerkat-mention--quote (name status)
  "Put NAME in quotation signs if it needs them; STATUS states that it is complete."
  (when (eq status 'finished)
    (let ((begin (- (point) (length name))))
      (when (and (string-match-p "[ \t]" name) (not (eq (char-before begin) ?\")))
        (save-excursion
          (goto-char begin)
          (insert "\""))
        (insert "\"")))))

(defun meerkat-mention-list (folder)
  "List the files of FOLDER, unless that was done a moment ago.
Where git knows them, those that it doesn't ignore; else those of the
folder and the ones below it, up to a number."
  (let ((known (gethash folder meerkat-mention--listings)))
    (unless (and known (< (- (float-time) (car known)) meerkat-mention--fresh))
      (puthash folder (cons (float-time) (or (cdr known) (meerkat-mention--shallow folder)))
               meerkat-mention--listings)
      (meerkat-mention--list-deep folder))))

(defun meerkat-mention--shallow (folder)
  "Return the names of the files right in FOLDER: what is there at once."
  (seq-filter (lambda (name) (not (file-directory-p (expand-file-name name folder))))
              (ignore-errors (directory-files folder nil directory-files-no-dot-files-regexp))))

(defun meerkat-mention--list-deep (folder)
  "List the files below FOLDER by another program, and keep what it states."
  (let ((default-directory folder)
        (output (generate-new-buffer " *meerkat-files*")))
    (condition-case nil
        (make-process
         :name "meerkat-files" :buffer output :noquery t :connection-type 'pipe
         :command (meerkat-mention--lister folder)
         :stderr (get-buffer-create " *meerkat-files-errors*")
         :sentinel (lambda (process _change)
                     (unless (process-live-p process)
                       (meerkat-mention--listed folder output))))
      (error (kill-buffer output)))))

(defun meerkat-mention--lister (folder)
  "Return the command that lists the files of FOLDER, a NUL behind each."
  (if (and (executable-find "git") (locate-dominating-file folder ".git"))
      '("git" "ls-files" "-z" "--cached" "--others" "--exclude-standard")
    '("find" "." "-maxdepth" "6" "-name" ".?*" "-prune" "-o" "-type" "f" "-print0")))

(defun meerkat-mention--listed (folder output)
  "Keep what the buffer OUTPUT has as FOLDER's files."
  (let ((names (with-current-buffer output
                 (split-string (buffer-string) "\0" t "\\./"))))
    (kill-buffer output)
    (when names
      (puthash folder (cons (float-time) (seq-take names meerkat-mention--list-limit))
               meerkat-mention--listings))))

(provide 'meerkat-mention)
;;; meerkat-mention.el ends here
