"""ANB on AWS as code: the architecture document's phases 0 to 3, for the AWS CDK."""
