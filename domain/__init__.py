"""What field-service work is."""
