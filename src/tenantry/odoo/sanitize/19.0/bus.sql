-- Live notifications waiting in the template.
DELETE FROM bus_bus;
