# SPDX-License-Identifier: GPL-3.0-or-later
# The fuzz targets, one a line, read by build.sh and run.sh:
#   name | sources besides tests/fuzz/NAME.cc | libraries and flags | seed directories
# Sources are globs from the root of the tree. Seeds are directories below tests/corpus, and below the shared corpora
# after a plus sign; one that is not there is left out.
TARGETS='
fuzz_sip      | dataplane/wire/*.cc |  | sip +sip/rfc4475 +sip/rfc5118 +sip/sofia-tests +sip/kamailio-misc +sip/pkts-messages +sip/pjsip-fuzz-seeds +sip/belle-sip-afl
fuzz_ip       | dataplane/wire/*.cc |  | ip
fuzz_mirror   | dataplane/path/*.cc dataplane/wire/*.cc dataplane/contract/*.cc |  | ip
fuzz_fragments | dataplane/path/fragments.cc dataplane/wire/*.cc |  | ip
fuzz_udp      | dataplane/path/inspect.cc dataplane/state/calls.cc dataplane/state/dialogs.cc dataplane/state/registrations.cc dataplane/state/tracker.cc dataplane/wire/*.cc dataplane/contract/*.cc |  | sip +sip/rfc4475 +sip/rfc5118 +sip/sofia-tests +sip/kamailio-misc +sip/pkts-messages +sip/pjsip-fuzz-seeds +sip/belle-sip-afl
fuzz_streams  | dataplane/path/sip_streams.cc dataplane/wire/*.cc |  | sip +sip/rfc4475
fuzz_config   | control/config/*.cc control/act/template.cc control/mail/address.cc dataplane/wire/*.cc dataplane/contract/*.cc dataplane/match/expression.cc dataplane/match/text_test.cc | -I/usr/include/hs -lhs -DTOML_HEADER_ONLY=0 -DTOML_SHARED_LIB=1 -ltomlplusplus | config
fuzz_api      | control/api/message.cc | -lboost_json | api
fuzz_http     | control/https/address_filter.cc control/https/answer.cc control/https/body.cc control/https/callers.cc control/https/chunks.cc control/https/conversation.cc control/https/gate.cc control/https/head.cc control/https/openapi.cc control/https/rate.cc control/https/refusals.cc control/https/routes.cc control/https/target.cc control/api/message.cc control/config/api_schema.cc control/config/document.cc control/config/section.cc control/config/values.cc dataplane/contract/*.cc dataplane/match/expression.cc dataplane/match/text_test.cc dataplane/wire/*.cc | -I/usr/include/hs -lhs -lboost_json -lcrypto -DTOML_HEADER_ONLY=0 -DTOML_SHARED_LIB=1 -ltomlplusplus | http
fuzz_sip_answer | control/probe/sip_account.cc control/probe/sip_digest.cc control/probe/sip_reply.cc control/probe/sip_request.cc control/probe/sip_transaction.cc control/resolve/record.cc dataplane/wire/*.cc | -lcrypto | sip +sip/rfc4475
fuzz_ha_frame | dataplane/wire/*.cc |  | ha_frame
'
