//! The tables.

use crate::commands::Done;
use crate::price::{Price, STORED};
use crate::routes::Route;

/// For how many restores and saves prices are worked out.
const TIMES: f64 = 1_000.0;

/// What one request of each route takes.
pub(crate) fn routes(routes: &[Route]) {
    println!("| request | R2 A | R2 B | D1 batches | statements | rows read | rows written | ms of workerd |");
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
    for Route { what, counted, times, processor } in routes {
        let each = |count: u64| format!("{:.1}", count as f64 / *times as f64);
        println!(
            "| {what} | {} | {} | {} | {} | {} | {} | {:.2} |",
            each(counted.class_a),
            each(counted.class_b),
            each(counted.batches),
            each(counted.statements),
            each(counted.rows_read),
            each(counted.rows_written),
            processor / *times as f64
        );
    }
}

/// What each command made the platform do.
pub(crate) fn commands(title: &str, done: &[Done]) {
    println!("\n{title}:\n");
    println!(
        "| command | requests | R2 A | R2 B | D1 batches | statements | rows read | rows written | s | ms of workerd |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for Done { what, seconds, counted, processor } in done {
        let requests = counted.all();
        let (a, b, batches, statements) = (counted.class_a, counted.class_b, counted.batches, counted.statements);
        let (read, written) = (counted.rows_read, counted.rows_written);
        println!(
            "| {what} | {requests} | {a} | {b} | {batches} | {statements} | {read} | {written} | {seconds:.2} | {processor:.0} |"
        );
    }
    for Done { what, counted, .. } in done {
        let routes: Vec<String> = counted.requests.iter().map(|(route, count)| format!("{count} {route}")).collect();
        eprintln!("worker: {what}: {}", routes.join(", "));
    }
}

/// What the platform asks for a thousand of each command.
pub(crate) fn price(done: &[Done], stored: u64) {
    println!("\nA thousand times, in dollars:\n");
    println!("| command | requests | processor | R2 | D1 | in all |");
    println!("|---|--:|--:|--:|--:|--:|");
    for Done { what, counted, processor, .. } in done {
        let price = Price::of(counted, *processor, TIMES);
        let Price { requests, processor, r2, d1 } = price;
        println!("| {what} | {requests:.4} | {processor:.4} | {r2:.4} | {d1:.4} | {:.4} |", price.sum());
    }
    println!("\nTo keep {:.2} GB for a month: {:.4}", stored as f64 / 1e9, stored as f64 / 1e9 * STORED);
}
