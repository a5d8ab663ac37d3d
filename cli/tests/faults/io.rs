//! The nth call that reaches the disk fails, for every n until there is no nth.

use crate::flow::{FIRST_RESTORE, FIRST_SAVE, Flow, GC, NEXT_RESTORE, NEXT_SAVE, RECOVERY};
use crate::trace::{self, Fault};

fn fail_every_call(flow: &'static Flow, fault: Fault) {
    let ready = flow.ready();
    for nth in 1.. {
        let command = ready.command();
        let traced = trace::run(&command, &ready.machine.at(""), fault, nth);
        println!("{}, {fault:?}: call {nth}: {}", flow.name, traced.met.as_deref().unwrap_or("none"));
        ready.check_claims(&traced.ran);
        if traced.met.is_none() || fault == Fault::Short {
            flow.check_done(&traced.ran.result());
        }
        ready.check();
        if traced.met.is_none() {
            return;
        }
    }
}

macro_rules! tests {
    ($($flow:ident { $($test:ident $fault:ident;)* })*) => {
        $($(
            #[test]
            fn $test() {
                fail_every_call(&$flow, Fault::$fault);
            }
        )*)*
    };
}

// A broken disk fails reads, too, which are most of the calls: for the sake of time one save and one restore stand for the
// others, whose reads are the same.
tests! {
    FIRST_SAVE {
        the_first_save_on_a_full_disk Full;
        the_first_save_with_short_writes Short;
    }
    NEXT_SAVE {
        the_next_save_on_a_full_disk Full;
        the_next_save_on_a_broken_disk Broken;
    }
    FIRST_RESTORE {
        the_first_restore_on_a_full_disk Full;
    }
    NEXT_RESTORE {
        the_next_restore_on_a_full_disk Full;
        the_next_restore_on_a_broken_disk Broken;
        the_next_restore_with_short_writes Short;
    }
    RECOVERY {
        the_recovery_on_a_full_disk Full;
    }
    GC {
        gc_on_a_full_disk Full;
        gc_on_a_broken_disk Broken;
        gc_with_short_writes Short;
    }
}
