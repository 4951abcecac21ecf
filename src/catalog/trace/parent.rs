//! What a request says of the span it belongs to: the header `traceparent` of W3C Trace Context.
//!
//! Anybody may write it, so nothing of it is taken but two numbers and whether its sender samples.

use hyper::HeaderMap;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The span that a request says it belongs to, if it says so once and properly.
pub(super) fn of(headers: &HeaderMap) -> Option<SpanContext> {
    let mut given = headers.get_all("traceparent").iter();
    let parent = given.next()?.to_str().ok().and_then(parse)?;
    given.next().is_none().then_some(parent)
}

fn parse(text: &str) -> Option<SpanContext> {
    let mut fields = text.split('-');
    let version = hex(fields.next()?, 2)?;
    let trace = TraceId::from(hex(fields.next()?, 32)?);
    let span = SpanId::from(u64::try_from(hex(fields.next()?, 16)?).ok()?);
    let flags = TraceFlags::new(u8::try_from(hex(fields.next()?, 2)?).ok()?);
    // A later version may have more fields; this one has not, and one is no version.
    let proper = match version {
        0 => fields.next().is_none(),
        0xff => false,
        _ => true,
    };
    let context = SpanContext::new(trace, span, flags & TraceFlags::SAMPLED, true, TraceState::NONE);
    (proper && context.is_valid()).then_some(context)
}

/// A number of so many digits, which are lower case.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let proper = text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if proper { u128::from_str_radix(text, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn rule_c31_a_parent_is_two_numbers_and_a_flag() {
        for (flags, sampled) in [("00", false), ("01", true), ("03", true), ("fe", false)] {
            let parent = parse(&format!("00-{TRACE}-{SPAN}-{flags}")).unwrap();
            assert_eq!((parent.trace_id().to_string(), parent.span_id().to_string()), (TRACE.into(), SPAN.into()));
            assert!(parent.is_remote() && parent.is_sampled() == sampled, "{flags}");
            assert_eq!(parent.trace_flags() & TraceFlags::SAMPLED, parent.trace_flags(), "{flags}");
        }
        assert!(parse(&format!("01-{TRACE}-{SPAN}-01-more")).is_some(), "of a later version");
    }

    #[test]
    fn rule_c31_what_is_not_well_formed_is_no_parent() {
        let (zeros, upper) = ("0".repeat(32), TRACE.to_uppercase());
        for bad in [
            String::new(),
            TRACE.to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("01-{TRACE}-{SPAN}-01more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{upper}-{SPAN}-01"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{TRACE}0-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", &TRACE[1..]),
            format!("00-+{}-{SPAN}-01", &TRACE[1..]),
            format!(" 00-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-1"),
        ] {
            assert!(parse(&bad).is_none(), "{bad}");
        }
        let proper = HeaderValue::try_from(format!("00-{TRACE}-{SPAN}-01")).unwrap();
        let mut headers = HeaderMap::new();
        headers.append("traceparent", proper.clone());
        assert!(of(&headers).is_some());
        headers.append("traceparent", proper);
        assert!(of(&headers).is_none(), "which of the two is meant must not be guessed");
    }
}
