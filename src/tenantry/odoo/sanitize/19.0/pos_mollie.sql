-- The template's account at Mollie would collect the payments of this customer's point of sale.
UPDATE pos_payment_method
   SET mollie_payment_provider_id = NULL,
       mollie_terminal_id = NULL
 WHERE mollie_payment_provider_id IS NOT NULL
    OR mollie_terminal_id IS NOT NULL;
