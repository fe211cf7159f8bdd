//! Panics that the relay is made for. A fuzzer ends its process at any panic, caught or not; those of other
//! people's code, where the relay has fenced that off, are none of its business here.

use std::cell::{Cell, RefCell};
use std::panic::{self, Location};
use std::sync::Once;

thread_local! {
    static FENCED: Cell<bool> = const { Cell::new(false) };
    /// What of the relay's own has panicked behind the fence.
    static OURS: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Does what may lead other people's code to panic; a panic of the relay's own in there is one out here.
pub(crate) fn fenced<T>(act: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !FENCED.get() {
                return before(info);
            }
            if !info.location().is_some_and(is_foreign) {
                OURS.set(Some(info.to_string()));
            }
        }));
    });
    FENCED.set(true);
    let done = panic::catch_unwind(panic::AssertUnwindSafe(act));
    FENCED.set(false);
    if let Some(ours) = OURS.take() {
        panic!("the relay itself: {ours}");
    }
    done.unwrap_or_else(|_| panic!("a panic came out that the relay should have caught"))
}

fn is_foreign(at: &Location<'_>) -> bool {
    at.file().contains("/redb-")
        || at.file().contains("/library/")
        || at.file().starts_with("/rustc")
}
