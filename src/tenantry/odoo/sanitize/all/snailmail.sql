-- Every clone would print the letters in the template's queue again, and be charged for them.
DELETE FROM snailmail_letter
 WHERE state IN ('pending', 'error');
