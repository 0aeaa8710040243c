//! Dated table of public providers (operator kinds shared and public-service) by network.
