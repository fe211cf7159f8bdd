//! What goes over a stream beside events: claims, reports, receipts, decisions and commands; and
//! publishing without a stream.
