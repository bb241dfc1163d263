;;; meerkat-model.el --- Which model answers  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT OR Apache-2.0

;;; Commentary:

;; Models are listed with what is missing for those that can't be used yet.

;;; Code:

(require 'meerkat-actions)
(require 'meerkat-chat)
(require 'meerkat-pick)

;;;###autoload
(defun meerkat-set-model ()
  "Let another model answer in this session, from the next turn on."
  (interactive)
  (let ((session meerkat-buffer-session))
    (if (null session)
        (message "meerkat: a model is chosen in a chat; for new ones, set `meerkat-model'")
      (meerkat-request
       "models/catalog" nil
       :repeat t
       :then (lambda (result)
               (meerkat-pick-later #'meerkat-model--read session
                                   (append (plist-get result :models) nil)))))))

(defun meerkat-model--read (session models)
  "Ask which of MODELS is to answer in SESSION."
  (let* ((names (mapcar (lambda (model) (cons (plist-get model :id) model)) models))
         (choice (completing-read
                  (format "Model (now %s): " (meerkat-session-speaker session))
                  (lambda (string predicate action)
                    (if (eq action 'metadata)
                        `(metadata (category . meerkat-model) (display-sort-function . identity)
                                   (annotation-function
                                    . ,(lambda (name) (meerkat-model--describe (cdr (assoc name names))))))
                      (complete-with-action action names string predicate)))))
         (missing (plist-get (cdr (assoc choice names)) :missing)))
    (cond ((string-empty-p choice))
          (missing (message "meerkat: %s can't be used yet: %s" choice missing))
          (t (meerkat-model--use session choice)))))

(defun meerkat-model--describe (model)
  "Return what there is to say of MODEL."
  (propertize (concat "  " (or (and (plist-get model :missing) (concat "✗ " (plist-get model :missing)))
                               (plist-get model :description))
                      (if (eq (plist-get model :is_default) t) " (default)" ""))
              'face 'completions-annotations))

(defun meerkat-model--use (session name)
  "Let the model NAME answer in SESSION."
  (if (meerkat-session-exists session)
      (meerkat-actions-request "session/update" (meerkat-session-id session) (list :model name)
                                (format "%s answers from the next turn on" name))
    (setf (meerkat-session-model session) name)
    (meerkat-session-changed session)))

(provide 'meerkat-model)
;;; meerkat-model.el ends here
