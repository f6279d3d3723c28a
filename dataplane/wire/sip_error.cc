// SPDX-License-Identifier: GPL-3.0-or-later
#include "dataplane/wire/sip.hh"

namespace tandem::wire {

std::string_view sentence(SipError error) noexcept {
    switch (error) {
    case SipError::not_sip:
        return "the first line is neither a SIP request nor a SIP response";
    case SipError::too_long:
        return "the message is longer than a datagram can be";
    case SipError::start_line:
        return "the blanks in the start line are not where they belong, or a part is missing";
    case SipError::version:
        return "the SIP version is not 2.0";
    case SipError::request_uri:
        return "the Request-URI contains an octet that it must not";
    case SipError::status_code:
        return "the status code is not a number of three digits";
    case SipError::unterminated:
        return "the message ends before the empty line behind the header fields";
    case SipError::too_many_headers:
        return "the message has more header fields than are looked at";
    case SipError::header_line:
        return "a line of the header section is not a name, a colon and a value";
    case SipError::repeated_header:
        return "a header field that may stand once stands twice";
    case SipError::via_missing:
        return "the Via header field is missing";
    case SipError::via_malformed:
        return "the topmost Via header field is malformed";
    case SipError::from_missing:
        return "the From header field is missing";
    case SipError::from_malformed:
        return "the From header field is malformed";
    case SipError::to_missing:
        return "the To header field is missing";
    case SipError::to_malformed:
        return "the To header field is malformed";
    case SipError::call_id_missing:
        return "the Call-ID header field is missing";
    case SipError::call_id_malformed:
        return "the Call-ID header field is empty or contains blanks";
    case SipError::cseq_missing:
        return "the CSeq header field is missing";
    case SipError::cseq_malformed:
        return "the CSeq header field is not a number below 2^31 and a method";
    case SipError::cseq_mismatch:
        return "the CSeq header field names another method than the request line";
    case SipError::contact_malformed:
        return "a Contact header field is malformed";
    case SipError::max_forwards_malformed:
        return "the Max-Forwards header field is not a number from 0 to 255";
    case SipError::content_length_malformed:
        return "the Content-Length header field is not a number";
    case SipError::body_truncated:
        return "the body is shorter than the Content-Length header field says";
    }
    return "unknown";
}

} // namespace tandem::wire
